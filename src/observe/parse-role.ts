/** Typed form of one `ROLE` reply. */
export interface Role {
  readonly role: 'master' | 'replica' | 'sentinel';
}
