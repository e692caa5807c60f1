import type { Timer } from '../clock.ts';
import type { Server } from '../server.ts';
import { SERVER_GATE } from './gates.ts';

/** CLIENT PAUSE and the pause a failover makes: several may hold; each purpose has its own end. */
export class Pause {
  private readonly holds = new Map<string, { readonly untilMs: number; readonly isAll: boolean }>();
  private readonly server: Server;
  private timer: Timer | undefined;
  /** Told when a pause begins or ends, of whatever kind. */
  onChange: (isPaused: boolean) => void = () => {};

  constructor(server: Server) {
    this.server = server;
  }

  get isPaused(): boolean {
    return this.holds.size > 0;
  }

  /** Whether reads wait too. */
  get isAllPaused(): boolean {
    for (const hold of this.holds.values()) if (hold.isAll) return true;
    return false;
  }

  /** Until when (Unix ms) and what is paused for a purpose. */
  hold(purpose: string): { readonly untilMs: number; readonly isAll: boolean } | undefined {
    return this.holds.get(purpose);
  }

  /** Pauses until `untilMs` (Infinity: until `end`); a purpose that holds already is prolonged, never shortened. */
  begin(purpose: string, untilMs: number, isAll: boolean): void {
    const known = this.holds.get(purpose);
    this.holds.set(purpose, {
      untilMs: Math.max(untilMs, known?.untilMs ?? 0),
      isAll: isAll || (known?.isAll ?? false),
    });
    this.arm();
  }

  end(purpose: string): void {
    if (this.holds.delete(purpose)) this.arm();
  }

  private arm(): void {
    const { server } = this;
    this.timer?.cancel();
    this.timer = undefined;
    const now = server.clock.now();
    for (const [purpose, { untilMs }] of this.holds) if (untilMs <= now) this.holds.delete(purpose);
    const wasPaused = (server.gates & SERVER_GATE.paused) !== 0;
    server.setGate(SERVER_GATE.paused, this.isPaused);
    if (wasPaused !== this.isPaused) this.onChange(this.isPaused);
    if (this.holds.size === 0) {
      server.resumePostponed();
      return;
    }
    const next = Math.min(...[...this.holds.values()].map(({ untilMs }) => untilMs));
    if (next !== Infinity) this.timer = server.clock.after(next - now, () => this.arm());
    // A hold may have become narrower: whoever may go on does, the others are put back.
    server.resumePostponed();
  }
}
