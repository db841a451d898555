import { open } from 'node:fs/promises';
import { errorText } from '../errors.ts';
import { isUnreadable } from './error-code.ts';

const readBytes = 1024 * 1024;

/** Reads a file to its end. @returns what keeps it from being read; null = nothing does @throws other errors */
export async function whyUnreadable(filePath: string): Promise<string | null> {
  try {
    const file = await open(filePath, 'r');
    try {
      const chunk = Buffer.alloc(readBytes);
      while ((await file.read(chunk, 0, readBytes)).bytesRead > 0);
    } finally {
      await file.close();
    }
    return null;
  } catch (error) {
    if (isUnreadable(error)) return errorText(error);
    throw error;
  }
}
