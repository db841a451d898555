import { describe, expect, it } from 'vitest';
import { connectFailure, connectionFailure, failure } from '../../../recorder/dialer/failure.ts';

describe('failures', () => {
  it.each([
    ['ECONNREFUSED', 'refused'],
    ['ENOTFOUND', 'unreachable'],
    ['EAI_AGAIN', 'unreachable'],
    ['EHOSTUNREACH', 'unreachable'],
    ['ENETUNREACH', 'unreachable'],
    ['ETIMEDOUT', 'unreachable'],
    ['EACCES', 'unreachable'],
    ['ECONNRESET', 'closed'],
    ['EMFILE', 'unknown'],
  ])('%s while connecting is %s', (code, reason) => {
    const found = connectFailure(code, 'The camera');
    expect(found.reason).toBe(reason);
    expect(found.detail).toContain(code);
  });

  it.each([
    ['ECONNRESET', true, 'closed'],
    ['EPIPE', true, 'closed'],
    ['ETIMEDOUT', true, 'stalled'],
    ['ETIMEDOUT', false, 'unreachable'],
    ['EHOSTUNREACH', true, 'unreachable'],
  ] as const)('%s later (media: %s) is %s', (code, hadMedia, reason) => {
    expect(connectionFailure(code, 'The camera', hadMedia).reason).toBe(reason);
  });

  it('never hold a login', () => {
    expect(failure('closed', 'rtsp://bob:hunter2@cam/a?password=hunter2 broke').detail).not.toContain('hunter2');
  });
});
