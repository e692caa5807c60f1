import type { SpecialForm } from './directive.ts';
import type { Normalised } from './normalise-value.ts';
import { parseMemory } from './parse-memory.ts';

const MAX_BIND_ADDRESSES = 16;
const BUFFER_CLASSES = ['normal', 'slave', 'pubsub'] as const;
/** All event classes `A` stands for, in the order CONFIG GET shows them. */
const ALL_EVENTS = 'g$lshzxetd';
/** `n` is not in `A`; unlike Redis 7.2, it is shown beside it too, so that CONFIG REWRITE loses nothing. */
const EVENT_ORDER = `${ALL_EVENTS}nKEm`;

/** As `normaliseValue`, for the directives whose value has its own grammar (`createSpecialConfig` in config.c). */
export function normaliseSpecial(form: SpecialForm, args: readonly string[], previous: string): Normalised {
  switch (form) {
    case 'bind':
      return args.length > MAX_BIND_ADDRESSES
        ? { ok: false, error: 'Too many bind addresses specified.' }
        : { ok: true, value: args.join(' ') };
    case 'save':
      return normaliseSave(args, previous);
    case 'client-output-buffer-limit':
      return normaliseBufferLimits(args, previous);
    case 'dir':
      return args.length === 1 ? { ok: true, value: args[0] ?? '' } : WRONG_NUMBER;
    case 'notify-keyspace-events':
      return args.length === 1 ? normaliseEvents(args[0] ?? '') : WRONG_NUMBER;
    case 'oom-score-adj-values':
      return normaliseOomScores(args);
    case 'percentiles':
      return normalisePercentiles(args);
    default:
      return normaliseReplicaOf(args);
  }
}

const WRONG_NUMBER: Normalised = { ok: false, error: 'wrong number of arguments' };

function normaliseSave(args: readonly string[], previous: string): Normalised {
  if (args.length === 1 && args[0] === '') return { ok: true, value: '' };
  const points = args.map((arg) => (/^[-+]?[0-9]+$/.test(arg) ? Number(arg) : Number.NaN));
  const isValid = points.every((point, index) => point >= (index % 2 === 0 ? 1 : 0));
  if (args.length % 2 === 1 || !isValid) return { ok: false, error: 'Invalid save parameters' };
  return { ok: true, value: [...(previous === '' ? [] : [previous]), ...points].join(' ') };
}

function normaliseBufferLimits(args: readonly string[], previous: string): Normalised {
  if (args.length === 1 && args[0] === '') return { ok: true, value: previous };
  if (args.length % 4 !== 0)
    return { ok: false, error: 'Wrong number of arguments in buffer limit configuration.' };
  const limits = new Map<string, string>();
  const before = previous.split(' ');
  for (let at = 0; at + 3 < before.length; at += 4)
    limits.set(before[at] ?? '', before.slice(at, at + 4).join(' '));
  for (let at = 0; at < args.length; at += 4) {
    const [rawClass = '', rawHard = '', rawSoft = '', seconds = ''] = args.slice(at, at + 4);
    const lower = rawClass.toLowerCase();
    const name = BUFFER_CLASSES.find((known) => known === (lower === 'replica' ? 'slave' : lower));
    if (name === undefined)
      return { ok: false, error: 'Invalid client class specified in buffer limit configuration.' };
    const hard = parseMemory(rawHard);
    const soft = parseMemory(rawSoft);
    if (hard === undefined || soft === undefined || !/^[0-9]+$/.test(seconds))
      return {
        ok: false,
        error: 'Error in hard, soft or soft_seconds setting in buffer limit configuration.',
      };
    limits.set(name, `${name} ${String(hard)} ${String(soft)} ${String(Number(seconds))}`);
  }
  return { ok: true, value: BUFFER_CLASSES.map((name) => limits.get(name) ?? `${name} 0 0 0`).join(' ') };
}

function normaliseEvents(value: string): Normalised {
  const given = new Set(value.replaceAll('A', ALL_EVENTS));
  if ([...given].some((char) => !EVENT_ORDER.includes(char)))
    return { ok: false, error: "Invalid event class character. Use 'Ag$lshzxeKEtmdn'." };
  const isAll = ALL_EVENTS.split('').every((char) => given.has(char));
  const shown = isAll ? 'nKEm' : EVENT_ORDER;
  return {
    ok: true,
    value:
      (isAll ? 'A' : '') +
      shown
        .split('')
        .filter((char) => given.has(char))
        .join(''),
  };
}

function normaliseOomScores(args: readonly string[]): Normalised {
  if (args.length !== 3) return WRONG_NUMBER;
  const scores = args.map((arg) => (/^[-+]?[0-9]+$/.test(arg) ? Number(arg) : Number.NaN));
  if (!scores.every((score) => Math.abs(score) <= 2000))
    return { ok: false, error: 'Invalid oom-score-adj-values, elements must be between -2000 and 2000.' };
  return { ok: true, value: scores.join(' ') };
}

function normalisePercentiles(args: readonly string[]): Normalised {
  if (args.length === 1 && args[0] === '') return { ok: true, value: '' };
  const percentiles = args.map((arg) => (arg.trim() === arg && arg !== '' ? Number(arg) : Number.NaN));
  if (percentiles.some(Number.isNaN))
    return { ok: false, error: 'Invalid latency-tracking-info-percentiles parameters' };
  if (percentiles.some((percentile) => percentile < 0 || percentile > 100))
    return {
      ok: false,
      error: 'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]',
    };
  return {
    ok: true,
    value: percentiles.map((percentile) => String(Number(percentile.toFixed(6)))).join(' '),
  };
}

function normaliseReplicaOf(args: readonly string[]): Normalised {
  const [host = '', port = ''] = args;
  if (args.length !== 2) return WRONG_NUMBER;
  if (host.toLowerCase() === 'no' && port.toLowerCase() === 'one') return { ok: true, value: '' };
  if (!/^[0-9]+$/.test(port) || Number(port) > 65535) return { ok: false, error: 'Invalid master port' };
  return { ok: true, value: `${host} ${String(Number(port))}` };
}
