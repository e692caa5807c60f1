import { appendFileSync, readlinkSync, writeSync } from 'node:fs';
import type { LogLevel } from '../server.ts';

const LEVELS: readonly string[] = ['debug', 'verbose', 'notice', 'warning', 'nothing'];
const MARKS: Readonly<Record<LogLevel, string>> = { debug: '.', verbose: '-', notice: '*', warning: '#' };
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MAX_MESSAGE_CHARS = 1024;
const UTC = /(?:^|\/)UTC$/;

/** Where lines go and which; asked for each line, so that changes take effect at once. */
export interface LogSettings {
  /** Absolute path, or empty for the standard output. */
  readonly file: () => string;
  readonly level: () => string;
  /** `M` for a master, `S` for a replica. */
  readonly role: () => 'M' | 'S';
}

/**
 * Writes log lines as Redis does (`serverLogRaw` in server.c): `pid:role day month year time mark message`. The file is
 * opened for each line, so that it may be moved away at any time.
 */
export function createLog(settings: LogSettings): (level: LogLevel, text: string) => void {
  return (level, text) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(settings.level())) return;
    const message = text.length > MAX_MESSAGE_CHARS ? text.slice(0, MAX_MESSAGE_CHARS) : text;
    const line = `${String(process.pid)}:${settings.role()} ${formatTime(new Date())} ${MARKS[level]} ${message}\n`;
    const file = settings.file();
    try {
      if (file === '') writeSync(1, line);
      else appendFileSync(file, line);
    } catch (error) {
      // A full disk or a closed terminal must not stop the server: the line is lost, as in Redis.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  };
}

function formatTime(time: Date): string {
  const local = isUtc() ? time : new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${two(local.getUTCDate())} ${MONTHS[local.getUTCMonth()] ?? ''} ${String(local.getUTCFullYear())}`;
  const clock = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
  return `${date} ${clock}.${String(local.getUTCMilliseconds()).padStart(3, '0')}`;
}

let isUtcHere: boolean | undefined;

/** Whether local time is UTC, as it is in most containers: V8 loads ICU to find that out, which is 0.6 MB. */
function isUtc(): boolean {
  const { TZ } = process.env;
  isUtcHere ??= UTC.test(TZ ?? zoneOfMachine());
  return isUtcHere;
}

/** Where `/etc/localtime` leads; without it the C library goes by UTC, too. */
function zoneOfMachine(): string {
  try {
    return readlinkSync('/etc/localtime');
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'UTC' : '';
  }
}
