/**
 * Every deed that the audit log knows, and what its entry must say: `after` of what is made or found, `before` of what is
 * gone, both of what was one thing and is another.
 */
export const deedShapes = {
  'account.add': 'after',
  'account.lockout': 'after',
  'account.login': 'after',
  'account.logout': 'before',
  'account.password': 'both',
  'account.refuse': 'after',
  'api-key.add': 'after',
  'api-key.remove': 'before',
  'camera.add': 'after',
  'camera.change': 'both',
  'camera.pause': 'both',
  'camera.purge': 'both',
  'camera.reactivate': 'both',
  'camera.resume': 'both',
  'camera.retire': 'both',
  'certificate.issue': 'after',
  'contract.add': 'after',
  'contract.end': 'both',
  'finish-window.retry': 'both',
  'hold.end': 'both',
  'hold.place': 'after',
  'hold.release': 'both',
  'profile.add': 'after',
  'profile.change': 'both',
  'profile.delete': 'before',
  'purge.begin': 'both',
  'reconcile.act': 'after',
  'reconcile.resume': 'both',
  'reconcile.start': 'after',
  'reconcile.stop': 'both',
  'recorder.destroyed': 'both',
  'recorder.drain': 'both',
  'reencode.cancel': 'both',
  'reencode.pause': 'both',
  'reencode.resume': 'both',
  'reencode.start': 'after',
  'retention.apply': 'both',
  'retention.change': 'both',
  'retention.resume': 'both',
  'retention.stop': 'both',
  'retention.undo': 'both',
  'signing-key.add': 'after',
  'signing-key.rotate': 'both',
  'tenant.add': 'after',
  'tenant.apply': 'both',
  'tenant.change': 'both',
  'tenant.delete': 'both',
  'tenant.deleted': 'before',
} as const;

export type DeedAction = keyof typeof deedShapes;
type Shape = (typeof deedShapes)[DeedAction];
type ActionsOf<Of extends Shape> = {
  [Action in DeedAction]: (typeof deedShapes)[Action] extends Of ? Action : never;
}[DeedAction];

/** An action with the values it must have. */
export type DeedValues<Value> =
  | { action: ActionsOf<'after'>; before?: undefined; after: Value }
  | { action: ActionsOf<'before'>; before: Value; after?: undefined }
  | { action: ActionsOf<'both'>; before: Value; after: Value };

/** Which value of a deed is missing, empty or not of its kind, or null: it is whole. */
export function lackOf(deed: DeedValues<object>): 'before' | 'after' | null {
  const shape: Shape = deedShapes[deed.action];
  const isSaid = (value: object | undefined): boolean => value !== undefined && Object.keys(value).length > 0;
  if (isSaid(deed.before) !== (shape !== 'after')) return 'before';
  return isSaid(deed.after) !== (shape !== 'before') ? 'after' : null;
}
