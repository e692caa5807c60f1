import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { up } from '../../src/apply/up.ts';
import { loadTopology } from '../../src/topology/load-topology.ts';

describe('checkEngines', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'replctl-engines-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  async function upOn(engine: string, config = '{}'): Promise<unknown> {
    const file = path.join(dir, 'topology.yaml');
    writeFileSync(file, `name: old\nengine: ${engine}\nmaster: {port: 1, config: ${config}}\n`);
    const context = {
      topology: await loadTopology(file),
      command: 'up',
      emit: () => {},
      signal: new AbortController().signal,
      timeoutMs: 1_000,
    };
    const consents = { allowsRemoval: false, restoresRoles: false, discardsDiverged: false };
    return up(context, { isDryRun: false, ...consents }).catch((error: unknown) => error);
  }

  function fakeServer(version: string): string {
    const command = path.join(dir, 'a-server');
    writeFileSync(command, `#!/bin/sh\necho "Redis server v=${version} sha=0:0 malloc=libc bits=64"\n`);
    chmodSync(command, 0o755);
    return `{kind: redis, command: ${command}}`;
  }

  function expectNothingWritten(): void {
    expect(existsSync(path.join(dir, '.replctl', 'old', 'nodes'))).toBe(false);
    expect(existsSync(path.join(dir, '.replctl', 'old', 'journal'))).toBe(false);
  }

  it.each([
    ['5.0.14', '{}', '1: redis 5.0.14 is too old: replctl drives it from 6.0.0 on'],
    [
      '6.0.16',
      '{replica-announced: no}',
      '1: redis 6.0.16 is too old: replica-announced exists from 6.2.0 on',
    ],
    [
      '6.2.7',
      '{shutdown-timeout: 3, set-max-listpack-value: 64, replica-announced: yes}',
      '1: redis 6.2.7 is too old: set-max-listpack-value exists from 7.2.0 on',
    ],
  ])('refuses %s for %s before anything is written', async (version, config, message) => {
    expect(await upOn(fakeServer(version), config)).toMatchObject({ code: 'NODE_NOT_STARTED', message });
    expectNothingWritten();
  });

  it('says that the binary is missing before anything is written', async () => {
    expect(await upOn('{kind: valkey, command: replctl-no-such-server}')).toMatchObject({
      code: 'NODE_NOT_STARTED',
      message: 'valkey: replctl-no-such-server is not installed on this machine',
    });
    expectNothingWritten();
  });
});
