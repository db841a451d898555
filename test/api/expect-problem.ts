import { expect } from 'vitest';
import type { ApiUnderTest } from './api-under-test.ts';

export interface WrongRequest {
  name: string;
  method: string;
  url: string | (() => string);
  body?: unknown;
  status: number;
  code: string;
  /** Must stand in the detail or in one of the errors. */
  says: RegExp;
  path?: string;
}

/** Asks wrongly, and expects the problem document for it. */
export async function refuse(api: ApiUnderTest, { method, url, body, ...expected }: WrongRequest): Promise<void> {
  expectProblem(await api.call(method, typeof url === 'string' ? url : url(), body), expected);
}

export function expectProblem(
  answer: Awaited<ReturnType<ApiUnderTest['call']>>,
  expected: Pick<WrongRequest, 'status' | 'code' | 'says' | 'path'>,
): void {
  const problem = answer.json<{ detail: string; errors?: { path: string; message: string }[] }>();
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(problem).toMatchObject({
    type: `urn:framekeep:problem:${expected.code}`,
    title: expect.any(String) as string,
    status: expected.status,
    code: expected.code,
    instance: expect.stringMatching(/^urn:uuid:/) as string,
  });
  expect(answer.statusCode).toBe(expected.status);
  expect([problem.detail, ...(problem.errors ?? []).map(({ message }) => message)].join('\n')).toMatch(expected.says);
  if (expected.path !== undefined) expect(problem.errors?.map(({ path }) => path)).toContain(expected.path);
}
