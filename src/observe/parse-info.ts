/** Typed form of one `INFO` reply. */
export interface Info {
  readonly raw: ReadonlyMap<string, string>;
}
