import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Journal, readJournals, readOpenJournal, type JournalHead } from '../../src/apply/journal.ts';
import { isSameDeclaration, readState, toApplied, writeState } from '../../src/apply/state.ts';
import { defaultTopology } from '../../src/topology/default-topology.ts';

const HEAD: JournalHead = {
  event: 'open',
  id: '000001-x-up',
  epoch: 1,
  verb: 'up',
  command: 'up',
  by: 'me@here',
  atMs: 1,
  plan: { version: 1, verb: 'up', deployment: 'd', tree: { a: null }, stages: [], warnings: [] },
  declaration: null,
};

describe('what is remembered', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'replctl-journal-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('a journal is open until it is closed, and a line cut off by a crash does not count', async () => {
    const journal = await Journal.open(dir, HEAD);
    await journal.append({ event: 'begin', atMs: 2, step: 0 });
    appendFileSync(path.join(dir, 'journal', `${HEAD.id}.jsonl`), '{"event":"close","atMs":3,"outc');
    const open = await readOpenJournal(dir);
    expect(open?.head).toEqual(HEAD);
    expect(open?.entries).toHaveLength(2);
    await journal.close(null);
    expect((await readJournals(dir)).map(({ outcome }) => outcome)).toEqual([null]);
  });

  it('a reopened journal can be closed', async () => {
    await (await Journal.open(dir, HEAD)).close(null);
    await (await Journal.reopen(dir, HEAD)).close('undone');
    expect(await readOpenJournal(dir)).toBeNull();
    expect((await readJournals(dir))[0]?.outcome).toBe('undone');
  });

  it('state survives being written and read, for its owner only', async () => {
    const topology = defaultTopology(dir);
    const nodes = topology.nodes.map((node) => ({ ...node, config: new Map([['save', [['60', '1']]]]) }));
    const state = {
      ...(await readState(dir)),
      epoch: 3,
      applied: toApplied({ ...topology, nodes }),
      master: '6379',
    };
    await writeState(dir, state);
    const read = await readState(dir);
    expect(read).toEqual(state);
    expect(isSameDeclaration(read.applied, state.applied)).toBe(true);
    expect(statSync(path.join(dir, 'state.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['state.json']);
  });
});
