import { Access } from '../acl/access.ts';
import type { LiveConfig } from '../config/live-config.ts';
import { rewriteFile } from '../config/rewrite-file.ts';
import type { Client } from '../command/client.ts';
import type { Family } from '../command/command.ts';
import { aclCommands, loadAclFile } from '../command/families/acl.ts';
import { clientCommands } from '../command/families/client.ts';
import { configCommands } from '../command/families/config.ts';
import { debugCommands } from '../command/families/debug.ts';
import { introspectionCommands } from '../command/families/introspection.ts';
import { memoryCommands } from '../command/families/memory.ts';
import { observingCommands } from '../command/families/observing.ts';
import { pubsubCommands } from '../command/families/pubsub.ts';
import { sessionCommands } from '../command/families/session.ts';
import { shutdownCommands } from '../command/families/shutdown.ts';
import { trackingCommands } from '../command/families/tracking.ts';
import { eventMask, PubSub } from '../pubsub/pubsub.ts';
import type { Server } from '../server.ts';
import { Tracking } from '../tracking/tracking.ts';
import { describeClient } from './client-info.ts';
import { ClientLimits } from './client-limits.ts';
import { DigestCuts } from './digest-cuts.ts';
import { InfoSources } from './info-sources.ts';
import { LatencyMonitor } from './latency.ts';
import { Monitors } from './monitors.ts';
import type { ProcessFacts } from './process-facts.ts';
import { Rates } from './rates.ts';
import type { Shutdown } from './shutdown.ts';
import { SlowLog } from './slow-log.ts';

/**
 * Everything that administers a server: its configuration, users, clients, messages and measurements. Made before the
 * server, since its commands are part of it; `attach` joins the two.
 */
export class Admin {
  readonly families: readonly Family[];
  readonly pubsub = new PubSub();
  readonly tracking = new Tracking();
  readonly monitors = new Monitors();
  readonly slowLog = new SlowLog();
  readonly latency = new LatencyMonitor();
  readonly digestCuts = new DigestCuts();
  readonly sources = new InfoSources();
  readonly rates = new Rates();
  readonly #config: LiveConfig;
  #access: Access | undefined;

  constructor(config: LiveConfig, process: ProcessFacts, shutdown: Shutdown) {
    this.#config = config;
    const { pubsub, tracking, monitors, slowLog, latency, sources, rates } = this;
    const access = (): Access => this.access;
    const parts = { access, pubsub, tracking, monitors, slowLog, latency, sources, rates, process, shutdown };
    const rewrite =
      process.configFile === ''
        ? undefined
        : (isWhole?: boolean) => this.#rewrite(process.configFile, isWhole);
    this.families = [
      sessionCommands(parts),
      clientCommands(parts),
      trackingCommands(tracking),
      configCommands({ config, rewrite, onResetStat: [() => rates.clear()] }),
      introspectionCommands,
      observingCommands(parts),
      memoryCommands,
      pubsubCommands(pubsub),
      aclCommands(parts),
      debugCommands(this.digestCuts, rewrite),
      shutdownCommands(shutdown),
    ];
  }

  get access(): Access {
    if (this.#access === undefined) throw new TypeError('the administration is not attached to a server');
    return this.#access;
  }

  /** Joins the server; `users` are the `user` lines of the conf. A text says why the users can't be had. */
  attach(server: Server, users: readonly (readonly string[])[]): string | undefined {
    this.#access = new Access(server, (client) => this.describe(client));
    server.acl = this.#access;
    this.pubsub.attach(server);
    this.tracking.attach(server);
    this.monitors.attach(server);
    this.slowLog.attach(server);
    this.latency.attach(server);
    this.digestCuts.attach(server);
    this.rates.attach(server);
    new ClientLimits(server).attach();
    server.config.onChange('notify-keyspace-events', (value) => {
      server.notifyMask = eventMask(value);
    });
    return this.#loadUsers(users);
  }

  describe(client: Client): string {
    return describeClient(client, this);
  }

  #loadUsers(users: readonly (readonly string[])[]): string | undefined {
    const file = this.#config.text('aclfile');
    if (file !== '' && users.length > 0)
      return (
        'Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. ' +
        'This setup is very likely to lead to configuration errors and security holes, please define either an ACL ' +
        'file or declare users directly in your redis.conf, but not both.'
      );
    if (file === '') return this.access.acl.loadConfigured(users);
    const error = loadAclFile(this.access, file);
    return error === undefined
      ? undefined
      : `Aborting Redis startup because of ACL errors: ${error.replace(/^ERR /, '')}`;
  }

  #rewrite(file: string, isWhole?: boolean): string | undefined {
    const { acl } = this.access;
    const users = this.#config.text('aclfile') === '' ? acl.list() : [];
    return rewriteFile(
      file,
      this.#config,
      users.map((user) => `user ${user.name} ${user.describe()}`),
      isWhole,
    );
  }
}
