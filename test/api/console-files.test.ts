import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApi, type ApiUnderTest } from './api-under-test.ts';

const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('a built console', () => {
  let api: ApiUnderTest;
  let webDir: string;

  beforeAll(async () => {
    webDir = await mkdtemp(join(tmpdir(), 'framekeep-web-'));
    await mkdir(join(webDir, 'assets'));
    await writeFile(join(webDir, 'index.html'), '<!doctype html><title>framekeep</title>');
    await writeFile(join(webDir, 'assets/main-abc123.js'), 'console.log(1)');
    await writeFile(join(webDir, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
    api = await startApi({ webDir });
  });
  afterAll(async () => {
    await api.close();
    await rm(webDir, { recursive: true });
  });

  test.each(['/', '/login', '/play?cams=a', '/cameras/0199d2c4-0000-7000-8000-000000000000/gaps'])(
    'answers the page for %s',
    async (url) => {
      const answer = await api.app.inject({ url, headers: html });
      expect(answer.statusCode).toBe(200);
      expect(answer.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' });
      expect(answer.body).toContain('<title>framekeep</title>');
    },
  );

  test('serves its files: those with a hash in their name for ever', async () => {
    const script = await api.app.inject('/assets/main-abc123.js');
    expect([script.statusCode, script.body]).toEqual([200, 'console.log(1)']);
    expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const icon = await api.app.inject('/icon.svg');
    expect([icon.statusCode, icon.headers['cache-control']]).toEqual([200, 'no-cache']);
    expect(icon.headers['content-type']).toMatch(/svg/);
  });

  test.each(['/v1/nothing', '/m/x', '/assets/none.js', '/docs/none'])('has no page at %s', async (url) => {
    const answer = await api.app.inject({ url, headers: html });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([404, 'not-found']);
  });

  test('asks a person who opens the pages of the API for a login, and answers a program as ever', async () => {
    const person = await api.app.inject({ url: '/docs', headers: html });
    expect([person.statusCode, person.body]).toEqual([200, expect.stringContaining('<title>framekeep</title>')]);
    const program = await api.app.inject('/docs/json');
    expect([program.statusCode, program.json<{ code: string }>().code]).toEqual([401, 'unauthenticated']);
  });

  test('serves nothing outside its folder', async () => {
    for (const url of ['/..%2f..%2f..%2fetc/passwd', '/assets/..%2f..%2fpackage.json', '/%2e%2e/package.json']) {
      const answer = await api.app.inject(url);
      expect([url, answer.statusCode >= 400, /root:|framekeep",/.test(answer.body)]).toEqual([url, true, false]);
    }
  });
});

test('without a build a page says what to do', async () => {
  const api = await startApi();
  const answer = await api.app.inject({ url: '/', headers: html });
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([503, 'text/plain; charset=utf-8']);
  expect(answer.body).toContain('npm run build');
  await api.close();
});
