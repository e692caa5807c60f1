import { appendFileSync, writeSync } from 'node:fs';
import type { LogLevel } from '../server.ts';

const LEVELS: readonly string[] = ['debug', 'verbose', 'notice', 'warning', 'nothing'];
const MARKS: Readonly<Record<LogLevel, string>> = { debug: '.', verbose: '-', notice: '*', warning: '#' };
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MAX_MESSAGE_CHARS = 1024;

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
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${two(time.getDate())} ${MONTHS[time.getMonth()] ?? ''} ${String(time.getFullYear())}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${date} ${clock}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}
