import java.io.FileWriter;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;

/** Threads, the garbage collector and the just-in-time compiler at work. */
public class Loop {
    public static void main(String[] args) throws Exception {
        Path where = Path.of(args[0]);
        ConcurrentHashMap<Integer, String> seen = new ConcurrentHashMap<>();
        ExecutorService pool = Executors.newFixedThreadPool(4);
        int n = 0;
        try (FileWriter log = new FileWriter(where.resolve("log").toFile(), true)) {
            while (!Files.exists(where.resolve("stop"))) {
                int mine = ++n;
                pool.submit(() -> seen.put(mine, "value " + mine)).get();
                if (n % 20 == 0)
                    System.gc();
                log.write(n + "\n");
                log.flush();
                Thread.sleep(10);
            }
        }
        pool.shutdown();
        for (int i = 1; i <= n; i++)
            if (!("value " + i).equals(seen.get(i)))
                System.exit(3);
        Files.writeString(where.resolve("result"), "ok");
    }
}
