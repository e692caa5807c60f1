// Runs every test. Makes sure of the real engines first, and says loudly which tests had to be skipped without them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureEngines } from './ensure-engines.js';

const missing = ensureEngines();
const folder = mkdtempSync(path.join(tmpdir(), 'replctl-report-'));
const report = path.join(folder, 'report.json');
const run = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
);
let code = run.status ?? 1;
try {
  const result = JSON.parse(readFileSync(report, 'utf8'));
  if (result.numTotalTests === 0) code = 1;
  const skipped = result.numPendingTests + result.numTodoTests;
  for (const engine of missing)
    console.log(`SKIPPED: every test on ${engine}, which could not be installed here`);
  console.log(`tests: ${result.numPassedTests} passed, ${result.numFailedTests} failed, ${skipped} skipped`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = code;
