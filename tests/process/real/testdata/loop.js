// Timers, promises and the thread pool, over a growing map.
const fs = require('fs');
const where = process.argv[2];
const seen = new Map();
let n = 0;

async function main() {
  while (!fs.existsSync(where + '/stop')) {
    n++;
    seen.set(n, 'value ' + n);
    await fs.promises.appendFile(where + '/log', n + '\n');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (let i = 1; i <= n; i++) {
    if (seen.get(i) !== 'value ' + i) process.exit(3);
  }
  fs.writeFileSync(where + '/result', 'ok');
}

main();
