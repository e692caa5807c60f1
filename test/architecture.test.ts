import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = path.join(import.meta.dirname, '..', 'src');

/** Folder → folders it may import. `types` allows `import type` only. */
const MAY_IMPORT: Record<string, { readonly all: readonly string[]; readonly types?: readonly string[] }> = {
  topology: { all: ['conf'] },
  conf: { all: [] },
  render: { all: ['topology', 'conf'] },
  observe: { all: ['conf', 'topology', 'hosts'] },
  compare: { all: ['conf'], types: ['topology', 'observe'] },
  plan: { all: ['conf'], types: ['topology', 'observe', 'compare'] },
  apply: { all: ['conf', 'topology', 'plan', 'render', 'observe', 'hosts', 'compare'] },
  hosts: { all: [], types: ['topology'] },
  show: { all: [], types: ['topology', 'render', 'observe', 'compare', 'plan', 'apply', 'hosts'] },
  commands: { all: ['conf', 'topology', 'render', 'observe', 'compare', 'plan', 'apply', 'hosts', 'show'] },
  server: { all: ['conf'] },
};

/** Package → the only place that may import it. */
const PACKAGE_HOME: Record<string, readonly string[]> = {
  ioredis: ['observe/client.ts'],
  execa: ['hosts/'],
  listr2: ['show/progress.ts'],
  chalk: ['show/theme.ts'],
  ejs: ['render/'],
  yaml: ['topology/'],
  zod: ['topology/'],
  '@oclif/core': ['commands/', 'cli.ts'],
  fengari: ['server/script/'],
};

/** Leaves of the server: they import nothing of the server outside their own folder. */
const SERVER_LEAVES = ['resp', 'rdb', 'keyspace', 'hyperloglog'];

interface Import {
  readonly from: string;
  readonly target: string;
  readonly isType: boolean;
}

function readImports(): Import[] {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  return files.flatMap((file) => {
    const text = readFileSync(path.join(SRC, file), 'utf8');
    const pattern = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\s+from\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;
    return [...text.matchAll(pattern)].map(([, type, fixed, lazy]) => ({
      from: file,
      target: resolve(file, fixed ?? lazy ?? ''),
      isType: type !== undefined,
    }));
  });
}

/** A relative specifier becomes a path below src; a package stays as it is. */
function resolve(from: string, specifier: string): string {
  return specifier.startsWith('.') ? `src:${path.join(path.dirname(from), specifier)}` : specifier;
}

const imports = readImports();
const folderOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '');

describe('architecture', () => {
  it('reads the modules it judges', () => {
    expect(new Set(imports.map((entry) => entry.from)).size).toBeGreaterThan(5);
  });

  it('lets each folder import only what its row allows', () => {
    const broken = imports.filter(({ from, target, isType }) => {
      const row = MAY_IMPORT[folderOf(from)];
      if (row === undefined || !target.startsWith('src:')) return false;
      const to = target.slice(4);
      if (to === 'errors.ts') return folderOf(from) === 'server';
      const folder = folderOf(to);
      if (folder === folderOf(from) || row.all.includes(folder)) return false;
      return !(isType && row.types?.includes(folder));
    });
    expect(broken).toEqual([]);
  });

  it('has a row for every folder', () => {
    const folders = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map((entry) => entry.name).filter((name) => MAY_IMPORT[name] === undefined)).toEqual([]);
  });

  it('imports each package in one place', () => {
    const broken = imports.filter(({ from, target }) => {
      if (target.startsWith('src:') || target.startsWith('node:')) return false;
      const name = target.startsWith('@')
        ? target.split('/').slice(0, 2).join('/')
        : (target.split('/')[0] ?? '');
      const homes = PACKAGE_HOME[name];
      return homes === undefined || !homes.some((home) => from.startsWith(home));
    });
    expect(broken).toEqual([]);
  });

  it("keeps OpenSSL out of the server's start", () => {
    const eager = imports.filter(
      ({ from, target }) => from.startsWith('server/') && target === 'node:crypto',
    );
    expect(new Set(eager.map(({ from }) => from))).toEqual(new Set(['server/lazy-crypto.ts']));
  });

  it("keeps the server's leaves leaves", () => {
    const broken = imports.filter(({ from, target }) => {
      const [top, leaf] = from.split('/');
      if (top !== 'server' || leaf === undefined || !SERVER_LEAVES.includes(leaf)) return false;
      return target.startsWith('src:') && !target.startsWith(`src:server/${leaf}/`);
    });
    expect(broken).toEqual([]);
  });
});
