import { Chalk, type ChalkInstance } from 'chalk';

/** What a piece of text means; the only place that knows which colour that is. */
export interface Theme {
  readonly hasColor: boolean;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly dim: (text: string) => string;
  /** One of a few stable colours, for telling many sources of lines apart. */
  readonly source: (index: number, text: string) => string;
}

export interface ColorRequest {
  readonly isTty: boolean;
  readonly noColorFlag: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Decides colour once: `--no-color` and NO_COLOR win, then FORCE_COLOR, then whether a person is looking.
 * NO_COLOR counts when set and not empty (no-color.org).
 */
export function wantsColor({ isTty, noColorFlag, env }: ColorRequest): boolean {
  if (noColorFlag || (env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false';
  return isTty && env['TERM'] !== 'dumb';
}

const SOURCE_COLORS = ['cyan', 'magenta', 'blue', 'yellow', 'green', 'cyanBright', 'magentaBright'] as const;

export function createTheme(hasColor: boolean): Theme {
  const chalk: ChalkInstance = new Chalk({ level: hasColor ? 1 : 0 });
  return {
    hasColor,
    good: (text) => chalk.green(text),
    warn: (text) => chalk.yellow(text),
    bad: (text) => chalk.red(text),
    strong: (text) => chalk.bold(text),
    dim: (text) => chalk.dim(text),
    source: (index, text) => chalk[SOURCE_COLORS[index % SOURCE_COLORS.length] ?? 'cyan'](text),
  };
}
