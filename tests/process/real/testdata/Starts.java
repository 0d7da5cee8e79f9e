import java.nio.file.*;
import java.util.*;

/** Threads that start other programs all the time, and hear what those say and how they end. */
public class Starts {
    static void starts(int n) throws Exception {
        Process p = new ProcessBuilder("sh", "-c", "read n; sleep 0.01; echo $((n * 2)); exit " + n % 100).start();
        try (var to = p.outputWriter()) {
            to.write(n + "\n");
        }
        String said = p.inputReader().readLine();
        if (!String.valueOf(n * 2).equals(said) || p.waitFor() != n % 100)
            throw new Exception("of " + n + ": " + said + ", status " + p.waitFor());
    }

    public static void main(String[] args) throws Exception {
        Path where = Path.of(args[0]), progress = where.resolve("progress");
        var threads = new ArrayList<Thread>();
        var failed = Collections.synchronizedList(new ArrayList<Exception>());
        for (int i = 0; i < 3; i++) {
            int first = i;
            threads.add(new Thread(() -> {
                try {
                    for (int n = first; !Files.exists(where.resolve("stop")); n += 3) {
                        starts(n);
                        Files.writeString(progress, ".", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
                    }
                } catch (Exception e) {
                    failed.add(e);
                }
            }));
        }
        for (Thread t : threads)
            t.start();
        for (Thread t : threads)
            t.join();
        Files.writeString(where.resolve("result"), failed.isEmpty() ? "ok" : failed.toString());
    }
}
