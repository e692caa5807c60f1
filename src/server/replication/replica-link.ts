import type { LogLevel } from './ports.ts';

/** The replica's side of its link, in the order it goes through (replication.c `REPL_STATE_*`). */
export type LinkPhase =
  /** We are a master. */
  | 'none'
  /** We have a master and no connection to it: the next tick connects. */
  | 'connect'
  /** The connection is being made. */
  | 'connecting'
  /** PING is sent: a master that answers at all, even `-NOAUTH`, is one to go on with. */
  | 'receive-ping-reply'
  /** AUTH and every REPLCONF are sent in one go; their replies come one by one. */
  | 'receive-auth-reply'
  | 'receive-port-reply'
  | 'receive-ip-reply'
  | 'receive-capa-reply'
  | 'receive-version-reply'
  /** PSYNC is sent: newlines may come before the reply. */
  | 'receive-psync-reply'
  /** A full resync: the RDB is being received and loaded. */
  | 'transfer'
  /** The stream is being applied. */
  | 'connected';

/** What the next PSYNC can offer: a history and how far of it we have applied. */
export interface PsyncPosition {
  readonly replid: string;
  readonly offset: number;
}

export interface LinkMaster {
  readonly host: string;
  readonly port: number;
}

export interface ReplicaLink {
  readonly phase: LinkPhase;
  readonly master: LinkMaster | null;
  /** When something was last heard, for the timeouts. */
  readonly lastIoMs: number;
  /** Since when the link has been down; null while it is up, or when it never was. */
  readonly downSinceMs: number | null;
  /** Null: only a full resync is possible. */
  readonly position: PsyncPosition | null;
}

/**
 * The Valkey whose RDB is understood here. Without a word about it Valkey 9 gives up full resyncs of hash fields with a
 * time to live (`replicaRdbVersion` in replication.c).
 */
const VALKEY_VERSION = '9.0.0';

export const NO_LINK: ReplicaLink = {
  phase: 'none',
  master: null,
  lastIoMs: 0,
  downSinceMs: null,
  position: null,
};

/** The settings that the handshake reads. */
export interface LinkSettings {
  readonly masterUser: string | null;
  readonly masterAuth: string | null;
  /** Announced as listening-port. */
  readonly port: number;
  /** Announced as ip-address when not null. */
  readonly announceHost: string | null;
  readonly timeoutMs: number;
  /** The PSYNC asks the master to take over from us. */
  readonly isFailover: boolean;
}

export type LinkEvent =
  /** REPLICAOF host port. `position` is what we hold as a master until now, when we were one. */
  | {
      readonly type: 'attach';
      readonly master: LinkMaster;
      readonly position: PsyncPosition | null;
      readonly nowMs: number;
    }
  /** REPLICAOF NO ONE. */
  | { readonly type: 'detach' }
  /** Once a second. */
  | { readonly type: 'tick'; readonly nowMs: number }
  | { readonly type: 'opened'; readonly nowMs: number }
  /** One line of the handshake, without its CRLF. */
  | { readonly type: 'line'; readonly line: string; readonly nowMs: number }
  /** Bytes of the payload or of the stream came. */
  | { readonly type: 'heard'; readonly nowMs: number }
  /** The connection is gone. `position`: how far the stream had been applied, when it was. */
  | {
      readonly type: 'lost';
      readonly reason: string;
      readonly position: PsyncPosition | null;
      readonly nowMs: number;
    }
  /** The old dataset is about to be replaced: what it could offer is void. */
  | { readonly type: 'replacing' }
  /** The new dataset is in place. */
  | { readonly type: 'loaded'; readonly nowMs: number }
  | { readonly type: 'load-failed'; readonly reason: string; readonly nowMs: number };

export type LinkEffect =
  | { readonly type: 'open'; readonly master: LinkMaster }
  | { readonly type: 'close' }
  | { readonly type: 'send'; readonly args: readonly string[] }
  /** From here on bytes are the payload of a full resync. Null: an old master said neither id nor offset. */
  | { readonly type: 'receive-payload'; readonly from: PsyncPosition | null }
  /** From here on bytes are the stream; `replid` is the master's id when it said one. */
  | { readonly type: 'resume'; readonly position: PsyncPosition; readonly replid: string | null }
  /** The stream follows the dataset that was loaded. */
  | { readonly type: 'follow-stream' }
  | { readonly type: 'failover-accepted' }
  | { readonly type: 'failover-refused'; readonly reason: string }
  | { readonly type: 'log'; readonly level: LogLevel; readonly text: string };

export interface LinkStep {
  readonly next: ReplicaLink;
  readonly effects: readonly LinkEffect[];
}

/** One step of the replica's side of the link. Knows no socket and no clock: both come as events. */
export function stepLink(link: ReplicaLink, event: LinkEvent, settings: LinkSettings): LinkStep {
  switch (event.type) {
    case 'attach':
      return attach(link, event);
    case 'detach':
      return link.phase === 'none' ? stay(link) : to(NO_LINK, hasConnection(link) ? [{ type: 'close' }] : []);
    case 'tick':
      return tick(link, event.nowMs, settings);
    case 'opened':
      return link.phase === 'connecting'
        ? to({ ...link, phase: 'receive-ping-reply', lastIoMs: event.nowMs }, [
            notice('Non blocking connect for SYNC fired the event.'),
            { type: 'send', args: ['PING'] },
          ])
        : stay(link);
    case 'line':
      return readLine({ ...link, lastIoMs: event.nowMs }, event.line, settings);
    case 'heard':
      return stay({ ...link, lastIoMs: event.nowMs });
    case 'lost':
      return lose(link, event);
    case 'replacing':
      return stay({ ...link, position: null });
    case 'loaded':
      return link.phase === 'transfer'
        ? to({ ...link, phase: 'connected', lastIoMs: event.nowMs, downSinceMs: null }, [
            notice('MASTER <-> REPLICA sync: Finished with success'),
            { type: 'follow-stream' },
          ])
        : stay(link);
    case 'load-failed':
    default:
      return link.phase === 'transfer'
        ? reconnect(link, event.nowMs, [warning(`MASTER <-> REPLICA sync failed: ${event.reason}`)])
        : stay(link);
  }
}

/** Phases in which replies to the handshake are awaited: ROLE calls them `handshake`. */
export function isHandshake(phase: LinkPhase): boolean {
  return phase.startsWith('receive-');
}

/** The word ROLE prints. */
export function linkStateName(phase: LinkPhase): string {
  if (isHandshake(phase)) return 'handshake';
  return phase === 'transfer' ? 'sync' : phase;
}

function stay(link: ReplicaLink): LinkStep {
  return { next: link, effects: [] };
}

function to(next: ReplicaLink, effects: readonly LinkEffect[]): LinkStep {
  return { next, effects };
}

function notice(text: string): LinkEffect {
  return { type: 'log', level: 'notice', text };
}

function warning(text: string): LinkEffect {
  return { type: 'log', level: 'warning', text };
}

function hasConnection(link: ReplicaLink): boolean {
  return link.phase !== 'none' && link.phase !== 'connect';
}

function attach(link: ReplicaLink, event: Extract<LinkEvent, { type: 'attach' }>): LinkStep {
  const position = event.position ?? link.position;
  const downSinceMs = link.phase === 'connected' ? event.nowMs : link.downSinceMs;
  const close: LinkEffect[] = hasConnection(link) ? [{ type: 'close' }] : [];
  return connect({ ...link, master: event.master, position, downSinceMs }, event.nowMs, close);
}

function connect(link: ReplicaLink, nowMs: number, before: readonly LinkEffect[]): LinkStep {
  if (link.master === null) return to(link, before);
  const { host, port } = link.master;
  return to({ ...link, phase: 'connecting', lastIoMs: nowMs }, [
    ...before,
    notice(`Connecting to MASTER ${host}:${port}`),
    notice('MASTER <-> REPLICA sync started'),
    { type: 'open', master: link.master },
  ]);
}

/** Closes and connects anew at once: waiting for the tick would risk that the backlog moves on. */
function reconnect(link: ReplicaLink, nowMs: number, before: readonly LinkEffect[]): LinkStep {
  return connect(link, nowMs, [...before, { type: 'close' }]);
}

/** Closes and leaves connecting to the next tick: the master is there but not able. */
function retryLater(link: ReplicaLink, effects: readonly LinkEffect[]): LinkStep {
  return to({ ...link, phase: 'connect' }, [...effects, { type: 'close' }]);
}

function tick(link: ReplicaLink, nowMs: number, settings: LinkSettings): LinkStep {
  if (link.phase === 'connect') return connect(link, nowMs, []);
  if (!hasConnection(link) || nowMs - link.lastIoMs <= settings.timeoutMs) return stay(link);
  if (link.phase === 'transfer') {
    const text =
      "Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' parameter in redis.conf to a larger value.";
    return reconnect(link, nowMs, [warning(text)]);
  }
  if (link.phase !== 'connected')
    return reconnect(link, nowMs, [warning('Timeout connecting to the MASTER...')]);
  // The close comes back as `lost`, with the position applied so far.
  return to(link, [warning('MASTER timeout: no data nor PING received...'), { type: 'close' }]);
}

function lose(link: ReplicaLink, event: Extract<LinkEvent, { type: 'lost' }>): LinkStep {
  if (!hasConnection(link)) return stay(link);
  if (link.phase !== 'connected') {
    const text =
      link.phase === 'transfer'
        ? 'I/O error trying to sync with MASTER'
        : 'Error condition on socket for SYNC';
    return to({ ...link, phase: 'connect' }, [
      warning(`${text}: ${event.reason}`),
      ...refusal(link, event.reason),
    ]);
  }
  const lost: ReplicaLink = {
    ...link,
    phase: 'connect',
    downSinceMs: event.nowMs,
    position: event.position ?? link.position,
  };
  return connect(lost, event.nowMs, [
    warning('Connection with master lost.'),
    notice('Caching the disconnected master state.'),
  ]);
}

/** A connection that breaks before PSYNC is answered is no failover. Harmless when none is going on. */
function refusal(link: ReplicaLink, reason: string): LinkEffect[] {
  return link.phase === 'receive-psync-reply' ? [{ type: 'failover-refused', reason }] : [];
}

function readLine(link: ReplicaLink, line: string, settings: LinkSettings): LinkStep {
  switch (link.phase) {
    case 'receive-ping-reply':
      return readPingReply(link, line, settings);
    case 'receive-auth-reply':
      return line.startsWith('-')
        ? retryLater(link, [warning(`Unable to AUTH to MASTER: ${line}`)])
        : stay({ ...link, phase: 'receive-port-reply' });
    case 'receive-port-reply':
      return to(
        { ...link, phase: settings.announceHost === null ? 'receive-capa-reply' : 'receive-ip-reply' },
        noteRefusal('listening-port', line),
      );
    case 'receive-ip-reply':
      return to({ ...link, phase: 'receive-capa-reply' }, noteRefusal('ip-address', line));
    case 'receive-capa-reply':
      return to({ ...link, phase: 'receive-version-reply' }, noteRefusal('capa', line));
    case 'receive-version-reply':
      // Only Valkey knows it.
      return sendPsync(link, [], settings);
    case 'receive-psync-reply':
      return readPsyncReply(link, line);
    case 'none':
    case 'connect':
    case 'connecting':
    case 'transfer':
    case 'connected':
    default:
      return stay(link);
  }
}

function noteRefusal(option: string, line: string): LinkEffect[] {
  return line.startsWith('-')
    ? [notice(`(Non critical) Master does not understand REPLCONF ${option}: ${line}`)]
    : [];
}

function readPingReply(link: ReplicaLink, line: string, settings: LinkSettings): LinkStep {
  const isAnswer =
    line.startsWith('+') ||
    line.startsWith('-NOAUTH') ||
    line.startsWith('-NOPERM') ||
    line.startsWith('-ERR operation not permitted');
  if (!isAnswer) return retryLater(link, [warning(`Error reply to PING from master: '${line}'`)]);
  const sends: LinkEffect[] = [notice('Master replied to PING, replication can continue...')];
  const { masterUser, masterAuth, announceHost } = settings;
  if (masterAuth !== null) {
    sends.push({ type: 'send', args: ['AUTH', ...(masterUser === null ? [] : [masterUser]), masterAuth] });
  }
  sends.push({ type: 'send', args: ['REPLCONF', 'listening-port', String(settings.port)] });
  if (announceHost !== null) sends.push({ type: 'send', args: ['REPLCONF', 'ip-address', announceHost] });
  // `eof` always: without it Valkey 9 sends an RDB that only Valkey reads.
  sends.push({ type: 'send', args: ['REPLCONF', 'capa', 'eof', 'capa', 'psync2'] });
  sends.push({ type: 'send', args: ['REPLCONF', 'version', VALKEY_VERSION] });
  return to({ ...link, phase: masterAuth === null ? 'receive-port-reply' : 'receive-auth-reply' }, sends);
}

function sendPsync(link: ReplicaLink, before: readonly LinkEffect[], settings: LinkSettings): LinkStep {
  const { position } = link;
  const asked = position === null ? ['?', '-1'] : [position.replid, String(position.offset + 1)];
  const text =
    position === null
      ? 'Partial resynchronization not possible (no cached master)'
      : `Trying a partial resynchronization (request ${position.replid}:${position.offset + 1}).`;
  return to({ ...link, phase: 'receive-psync-reply' }, [
    ...before,
    notice(text),
    { type: 'send', args: ['PSYNC', ...asked, ...(settings.isFailover ? ['FAILOVER'] : [])] },
  ]);
}

function readPsyncReply(link: ReplicaLink, line: string): LinkStep {
  if (line === '') return stay(link);
  if (line.startsWith('+FULLRESYNC')) return readFullResync(link, line);
  if (line.startsWith('+CONTINUE')) return readContinue(link, line);
  const refused: LinkEffect = { type: 'failover-refused', reason: 'Failover target rejected psync request' };
  if (line.startsWith('-NOMASTERLINK') || line.startsWith('-LOADING')) {
    const text = `Master is currently unable to PSYNC but should be in the future: ${line}`;
    return retryLater(link, [notice(text), refused]);
  }
  const text = line.startsWith('-ERR')
    ? notice(`Master does not support PSYNC or is in error state (reply: ${line})`)
    : warning(`Unexpected reply to PSYNC from master: ${line}`);
  return to({ ...link, phase: 'transfer' }, [
    text,
    refused,
    notice('Retrying with SYNC...'),
    { type: 'send', args: ['SYNC'] },
    { type: 'receive-payload', from: null },
  ]);
}

function readFullResync(link: ReplicaLink, line: string): LinkStep {
  const match = /^\+FULLRESYNC ([0-9a-zA-Z]{40}) (\d{1,16})$/.exec(line);
  const [, replid, offset] = match ?? [];
  const from = replid === undefined ? null : { replid, offset: Number(offset) };
  const text =
    from === null
      ? warning('Master replied with wrong +FULLRESYNC syntax.')
      : notice(`Full resync from master: ${from.replid}:${from.offset}`);
  return to({ ...link, phase: 'transfer' }, [
    text,
    { type: 'failover-accepted' },
    { type: 'receive-payload', from },
  ]);
}

function readContinue(link: ReplicaLink, line: string): LinkStep {
  const { position } = link;
  if (position === null) {
    return retryLater(link, [warning(`Unexpected reply to PSYNC from master: ${line}`)]);
  }
  const replid = /^\+CONTINUE ([0-9a-zA-Z]{40})$/.exec(line)?.[1] ?? null;
  const changed =
    replid !== null && replid !== position.replid
      ? [warning(`Master replication ID changed to ${replid}`)]
      : [];
  return to({ ...link, phase: 'connected', downSinceMs: null, position: null }, [
    notice('Successful partial resynchronization with master.'),
    ...changed,
    { type: 'failover-accepted' },
    { type: 'resume', position, replid },
    notice('MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.'),
  ]);
}
