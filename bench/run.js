// `npm run bench [name…]`: runs every file of bench/ that ends in .bench.js, or those named, and prints their figures.
// Each figure is a ratio to redis-server, to a shell script or to bare node, measured in the same run.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = import.meta.dirname;
const wanted = process.argv.slice(2);
const files = readdirSync(folder).filter((name) => name.endsWith('.bench.js'));
const chosen =
  wanted.length === 0 ? files : files.filter((name) => wanted.some((word) => name.startsWith(word)));
if (chosen.length === 0) {
  console.error(
    `no such bench: ${wanted.join(' ')}; there are ${files.map((name) => name.replace('.bench.js', '')).join(', ')}`,
  );
  process.exit(2);
}

console.log(
  `${new Date().toISOString().slice(0, 10)}, ${os.cpus().length} × ${os.cpus()[0]?.model ?? 'cpu'}, node ${process.version}, ${redisVersion()}`,
);
let failed = 0;
for (const name of chosen) {
  console.log(`\n## ${name.replace('.bench.js', '')}`);
  const { bench } = await import(pathToFileURL(path.join(folder, name)).href);
  for await (const { work, ours, theirs, ratio, cpuRatio, bar } of bench()) {
    const isWithin = bar === undefined || bar.holds;
    if (!isWithin) failed += 1;
    console.log(
      `${work} | ours ${ours} | theirs ${theirs} | ratio ${ratio.toFixed(2)}${cpuRatio === undefined ? '' : ` (by processor time ${cpuRatio.toFixed(2)})`}${bar === undefined ? '' : ` | bar ${bar.text} ${isWithin ? 'held' : 'MISSED'}`}`,
    );
  }
}
console.log(`\n${failed === 0 ? 'every bar held' : `${failed} bars missed`}`);

function redisVersion() {
  return execFileSync('redis-server', ['--version'], { encoding: 'utf8' }).split(' ').slice(0, 3).join(' ');
}
