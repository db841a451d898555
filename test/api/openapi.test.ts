import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApi, type ApiUnderTest } from './api-under-test.ts';
import { registeredRoutes } from './registered-routes.ts';

interface Operation {
  operationId?: string;
  summary?: string;
  tags?: string[];
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean; schema?: object }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { type?: string; additionalProperties?: unknown }>; securitySchemes: object };
}

let api: ApiUnderTest;
let document: Document;
let operations: { name: string; operation: Operation }[];

beforeAll(async () => {
  api = await startApi();
  const answer = await api.call('GET', '/openapi.json');
  document = answer.json<Document>();
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );
});
afterAll(() => api.close());

test('is OpenAPI 3.1 and covers every route but pages and the document itself', () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  const expected = registeredRoutes(api.app)
    .filter(({ method, url }) => method !== 'HEAD' && method !== 'OPTIONS' && !/^\/($|docs|openapi)/.test(url))
    .map(({ method, url }) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
  expect(operations.map(({ name }) => name).toSorted()).toEqual(expected.toSorted());
  expect(expected.length).toBeGreaterThan(25);
});

test('every operation has a name of its own, a summary, a tag and answers', () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(operations.length);
  for (const { operation } of operations) {
    expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
    expect(operation.summary).toMatch(/\w/);
    expect(operation.tags).toHaveLength(1);
    const codes = Object.keys(operation.responses);
    expect(codes.filter((code) => code.startsWith('2'))).not.toEqual([]);
    for (const response of Object.values(operation.responses)) expect(response.description).toMatch(/\w/);
  }
});

test('path parameters are declared, and every reference resolves', () => {
  for (const { name, operation } of operations) {
    const declared = (operation.parameters ?? []).filter((one) => one.in === 'path').map((one) => one.name);
    const named = [...name.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
    expect([name, ...declared.toSorted()]).toEqual([name, ...named.toSorted()]);
  }
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(references.length).toBeGreaterThan(20);
  for (const reference of references) {
    const name = /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1] ?? reference;
    expect(document.components.schemas).toHaveProperty(name);
  }
});

test('what is public says so, all else needs a key or a session', () => {
  const open = operations.filter(({ operation }) => operation.security?.length === 0).map(({ name }) => name);
  expect(open.toSorted()).toEqual([
    'GET /.well-known/framekeep-keys.json',
    'GET /healthz',
    'GET /m/{token}/{name}',
    'GET /readyz',
    'POST /v1/login',
  ]);
  expect(Object.keys(document.components.securitySchemes)).toEqual(['apiKey', 'session']);
});

test('the page that shows it is served', async () => {
  const answer = await api.call('GET', '/docs/');
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-security-policy']).toContain(`style-src 'self' 'unsafe-inline'`);
});
