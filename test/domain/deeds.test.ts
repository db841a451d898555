import { expect, test } from 'vitest';
import { deedShapes, lackOf, type DeedAction, type DeedValues } from '../../domain/deeds.ts';

const actions = Object.keys(deedShapes) as DeedAction[];

test.each(actions)('an entry of %s is refused without what it was or became', (action) => {
  const shape = deedShapes[action];
  const [isBefore, isAfter] = [shape !== 'after', shape !== 'before'];
  const value = { name: 'Gate' };
  const lack = (before: object | undefined, after: object | undefined) =>
    lackOf({ action, before, after } as DeedValues<object>);
  expect(lack(isBefore ? value : undefined, isAfter ? value : undefined)).toBeNull();
  expect(lack(undefined, undefined)).toBe(isBefore ? 'before' : 'after');
  if (isBefore) expect([lack(undefined, value), lack({}, value)]).toEqual(['before', 'before']);
  if (isAfter)
    expect([lack(isBefore ? value : undefined, undefined), lack(isBefore ? value : undefined, {})]).toEqual([
      'after',
      'after',
    ]);
  // Of what is made there was nothing before, and nothing is left of what is gone.
  if (!isBefore) expect(lack(value, value)).toBe('before');
  if (!isAfter) expect(lack(value, value)).toBe('after');
});

test('what is changed, ended or undone shows both sides', () => {
  const changes =
    /\.(change|undo|apply|stop|pause|retire|reactivate|release|end|rotate|drain|destroyed|begin|retry)$|resume$/;
  for (const action of actions.filter((one) => changes.test(one)))
    expect([action, deedShapes[action]]).toEqual([action, 'both']);
});
