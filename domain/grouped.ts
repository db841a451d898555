/** The values of what has the same key, in the order given. */
export function grouped<K, T, V>(all: readonly T[], keyOf: (one: T) => K, valueOf: (one: T) => V): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    // Not an array anew for each: a camera that flaps has thousands.
    if (group === undefined) groups.set(keyOf(one), [valueOf(one)]);
    else group.push(valueOf(one));
  }
  return groups;
}
