import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { closedFolderOnTheWay } from '../../scripts/embedded/unprivileged-user.ts';

const dir = mkdtempSync(join(tmpdir(), 'framekeep-way-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const stranger = { uid: 65_534, gid: 65_534 };

test('the outermost folder that a user may not enter is found', () => {
  const inner = join(dir, 'open', 'closed', 'inner');
  mkdirSync(inner, { recursive: true });
  const modes: [string, number][] = [
    [dir, 0o711],
    [join(dir, 'open'), 0o755],
    [join(dir, 'open/closed'), 0o700],
    [inner, 0o700],
  ];
  for (const [path, mode] of modes) chmodSync(path, mode);
  expect(closedFolderOnTheWay(join(inner, 'file'), stranger)).toBe(join(dir, 'open/closed'));
  // Folders that are not made yet close nothing.
  expect(closedFolderOnTheWay(join(dir, 'open', 'later', 'file'), stranger)).toBeUndefined();
  // Its owner may enter.
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  expect(closedFolderOnTheWay(join(inner, 'file'), owner)).toBeUndefined();
});
