import type { Client } from '../command/client.ts';
import { FLAG, type Command } from '../command/command.ts';
import { findKeys } from '../command/find-keys.ts';
import { CLIENT_GATE } from '../command/gates.ts';
import type { Args } from '../resp/args.ts';
import { ReplyError } from '../resp/reply-error.ts';
import type { AccessControl, Server } from '../server.ts';
import { Acl } from './acl.ts';
import { AclLog } from './acl-log.ts';
import type { AclRequest, ChannelUse, Denial } from './selector.ts';
import type { User } from './user.ts';

const PROTECTED =
  'DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the ' +
  'default user. In this mode connections are only accepted from the loopback interface. If you want to connect ' +
  'from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode ' +
  "sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the " +
  'same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. ' +
  'Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by ' +
  "editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the " +
  "server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' " +
  'option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above ' +
  'things in order for the server to start accepting connections from the outside.';

/** Source: execCommand in multi.c. */
const CHANGED_RULES: Readonly<Record<Denial['reason'], string>> = {
  command: 'no permission to execute the command or subcommand',
  key: 'no permission to touch the specified keys',
  channel: 'no permission to access one of the channels used as arguments to the command',
};

/** Lets clients in, knows who they are, and refuses what their user may not do. */
export class Access implements AccessControl {
  readonly acl: Acl;
  readonly log = new AclLog();
  readonly #server: Server;
  /** How CLIENT LIST describes a client. */
  readonly #describe: (client: Client) => string;

  constructor(server: Server, describe: (client: Client) => string) {
    this.#server = server;
    this.#describe = describe;
    this.acl = new Acl(
      server.commands.originals,
      () => server.config.text('acl-pubsub-default') === 'allchannels',
    );
    server.config.onChange('requirepass', (password) => this.acl.requirePassword(password));
  }

  admit(client: Client): void {
    const { config, clients, stats } = this.#server;
    client.user = 'default';
    this.#setGates(client, this.acl.default.isPasswordless && this.acl.default.isEnabled);
    const refusal =
      clients.size > config.number('maxclients') ? 'ERR max number of clients reached' : undefined;
    const isUnprotected =
      config.flag('protected-mode') && this.acl.default.isPasswordless && !isLocal(client.transport?.peer);
    if (refusal === undefined && (client.transport?.isUnixSocket !== false || !isUnprotected)) return;
    stats.connectionsRejected += 1;
    client.reply.error(refusal ?? PROTECTED);
    client.closeAfterReply();
    this.#server.requestSettle();
  }

  /** AUTH: true when the client is this user from now on. */
  login(client: Client, name: string, password: string): boolean {
    const user = this.acl.authenticate(name, password);
    if (user === undefined) {
      this.#record(client, 'auth', 'AUTH', name);
      return false;
    }
    client.user = user.name;
    this.#setGates(client, true);
    return true;
  }

  /** As a new connection: RESET, or a user that is no more. */
  logout(client: Client): void {
    client.user = 'default';
    this.#setGates(client, this.acl.default.isPasswordless && this.acl.default.isEnabled);
  }

  isAuthenticated(client: Client): boolean {
    return (client.gates & CLIENT_GATE.unauthenticated) === 0;
  }

  /** Rules changed: what was decided about clients in advance is decided again. */
  refresh(): void {
    for (const client of this.#server.clients.values()) this.#setGates(client, this.isAuthenticated(client));
  }

  check(client: Client, command: Command, args: Args): ReplyError | undefined {
    const user = this.acl.get(client.user);
    const denial = this.#deny(client, user, command, args);
    if (user === undefined || denial === undefined) return undefined;
    return new ReplyError(`NOPERM ${describeDenial(denial, user, command, false)}`);
  }

  checkQueued(client: Client, command: Command, args: Args): ReplyError | undefined {
    const denial = this.#deny(client, this.acl.get(client.user), command, args);
    if (denial === undefined) return undefined;
    return new ReplyError(
      'NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is ' +
        `no longer allowed for the following reason: ${CHANGED_RULES[denial.reason]}`,
    );
  }

  #deny(client: Client, user: User | undefined, command: Command, args: Args): Denial | undefined {
    const denial = user === undefined ? undefined : this.judge(user, command, args);
    if (user !== undefined && denial !== undefined)
      this.#record(client, denial.reason, denial.object, user.name);
    return denial;
  }

  /** Why a user may not run a request; for ACL DRYRUN too. */
  judge(user: User, command: Command, args: Args): Denial | undefined {
    const hasSub = command.parent !== undefined;
    const request: AclRequest = {
      command,
      isFree: (command.flags & FLAG.no_auth) !== 0,
      firstArg: args.count > (hasSub ? 2 : 1) ? args.string(hasSub ? 2 : 1) : undefined,
      keys: () =>
        (findKeys(command, args) ?? []).map(({ index, flags }) => ({
          key: args.string(index),
          reads: flags.includes('access'),
          writes: flags.includes('insert') || flags.includes('delete') || flags.includes('update'),
        })),
      channels: () => findChannels(command, args),
    };
    return user.check(request);
  }

  mayReadAllKeys(client: Client): boolean {
    return this.acl.get(client.user)?.selectors.some((selector) => selector.readsAllKeys) ?? true;
  }

  /** Ends the clients of a user that is gone. */
  disconnect(user: User, current: Client): void {
    for (const client of this.#server.clients.values()) {
      if (client.user !== user.name) continue;
      this.logout(client);
      client.gates |= CLIENT_GATE.unauthenticated;
      if (client === current) client.closeAfterReply();
      else client.close(true);
    }
  }

  #record(
    client: Client,
    reason: 'command' | 'key' | 'channel' | 'auth',
    object: string,
    username: string,
  ): void {
    this.log.add(
      {
        reason,
        context: contextOf(client, this.#server.executor.currentCommand),
        object,
        username,
        clientInfo: this.#describe(this.#server.executor.current ?? client),
      },
      this.#server.now,
      this.#server.config.number('acllog-max-len'),
    );
  }

  #setGates(client: Client, isAuthenticated: boolean): void {
    const user = this.acl.get(client.user);
    let gates = client.gates & ~(CLIENT_GATE.unauthenticated | CLIENT_GATE.acl);
    if (!isAuthenticated) gates |= CLIENT_GATE.unauthenticated;
    if (user?.isUnrestricted !== true) gates |= CLIENT_GATE.acl;
    client.gates = gates;
  }
}

/** Redis' words; `isVerbose` names the key or channel, as ACL DRYRUN does. */
export function describeDenial(denial: Denial, user: User, command: Command, isVerbose: boolean): string {
  if (denial.reason === 'command')
    return `User ${user.name} has no permissions to run the '${command.name}' command`;
  return isVerbose
    ? `User ${user.name} has no permissions to access the '${denial.object}' ${denial.reason}`
    : `No permissions to access a ${denial.reason}`;
}

function contextOf(client: Client, running: Command | undefined): 'toplevel' | 'multi' | 'lua' {
  if (client.transport === undefined) return 'lua';
  return client.multi === undefined && running?.name !== 'exec' ? 'toplevel' : 'multi';
}

function isLocal(peer: string | undefined): boolean {
  return peer === undefined || /^(127\.|\[::1\]|\[::ffff:127\.)/.test(peer);
}

const CHANNEL_COMMANDS: Readonly<
  Record<string, { readonly isPattern: boolean; readonly isFirstOnly: boolean }>
> = {
  subscribe: { isPattern: false, isFirstOnly: false },
  ssubscribe: { isPattern: false, isFirstOnly: false },
  psubscribe: { isPattern: true, isFirstOnly: false },
  publish: { isPattern: false, isFirstOnly: true },
  spublish: { isPattern: false, isFirstOnly: true },
};

function findChannels(command: Command, args: Args): ChannelUse[] {
  const facts = CHANNEL_COMMANDS[command.name];
  if (facts === undefined) return [];
  const names = facts.isFirstOnly ? [args.string(1)] : args.strings(1);
  return names.map((channel) => ({ channel, isPattern: facts.isPattern }));
}
