import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { unlinkFile } from '../unlink-file.ts';
import {
  EMPTY_MANIFEST,
  filesOf,
  formatManifest,
  parseManifest,
  type AofFile,
  type AofManifest,
} from './manifest.ts';

/** The folder that holds the append-only log (config appenddirname) and its manifest. */
export class AofFolder {
  readonly path: string;
  /** config appendfilename: what all names begin with. */
  readonly prefix: string;

  constructor(folder: string, prefix: string) {
    this.path = folder;
    this.prefix = prefix;
  }

  get manifestPath(): string {
    return path.join(this.path, `${this.prefix}.manifest`);
  }

  pathOf(file: AofFile): string {
    return path.join(this.path, file.name);
  }

  create(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o755 });
  }

  /** Undefined when there is no log. Throws `ManifestError`, or what the disk says. */
  readManifest(): AofManifest | undefined {
    return existsSync(this.manifestPath) ? parseManifest(readFileSync(this.manifestPath, 'utf8')) : undefined;
  }

  /** Replaces the manifest in one step that survives a crash, then deletes what is history. */
  writeManifest(manifest: AofManifest): AofManifest {
    this.#replaceManifest(manifest);
    if (manifest.history.length === 0) return manifest;
    for (const file of manifest.history) this.remove(file);
    const clean = { ...manifest, history: [] };
    this.#replaceManifest(clean);
    return clean;
  }

  /**
   * Takes over the single file that servers before 7.0 kept beside the folder: it becomes the base. Goes on where it
   * was interrupted, when the manifest says so already and the file is still there. Answers the manifest, or undefined
   * when there is no log.
   */
  adoptSingleFile(folder: string): AofManifest | undefined {
    const known = this.readManifest();
    const old = path.join(folder, this.prefix);
    const isBegun = known !== undefined && filesOf(known).every(({ name }) => name === this.prefix);
    if (!existsSync(old) || (known !== undefined && !isBegun)) return known;
    const base: AofFile = { name: this.prefix, seq: 1, type: 'base' };
    if (isBegun && existsSync(this.pathOf(base))) return known;
    this.create();
    const manifest = { ...EMPTY_MANIFEST, base };
    this.#replaceManifest(manifest);
    renameSync(old, this.pathOf(base));
    this.#sync();
    return manifest;
  }

  /** A file of the log that is not there, if any. */
  findMissing(manifest: AofManifest): AofFile | undefined {
    return filesOf(manifest).find((file) => !existsSync(this.pathOf(file)));
  }

  sizeOf(file: AofFile): number {
    return statSync(this.pathOf(file)).size;
  }

  remove(file: AofFile): void {
    unlinkFile(this.pathOf(file));
  }

  #replaceManifest(manifest: AofManifest): void {
    const temporary = path.join(this.path, `temp-${this.prefix}.manifest`);
    const file = openSync(temporary, 'w', 0o644);
    try {
      writeSync(file, formatManifest(manifest));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, this.manifestPath);
    this.#sync();
  }

  #sync(): void {
    const folder = openSync(this.path, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}
