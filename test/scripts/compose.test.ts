import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { readConfig, requireServices, type Config } from '../../config.ts';
import { roles } from '../../settings.ts';

const service = z.looseObject({
  image: z.string(),
  environment: z.record(z.string(), z.string()).default({}),
  networks: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
  restart: z.string(),
});
const compose = z
  .looseObject({
    services: z.record(z.string(), service),
    networks: z.record(z.string(), z.object({ internal: z.boolean() }).nullable()),
    volumes: z.record(z.string(), z.null()),
    configs: z.record(z.string(), z.object({ content: z.string() })),
  })
  .parse(parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }));
const services = Object.entries(compose.services);
const ours = services.filter(([, { image }]) => image === 'framekeep');

/** As compose does: `${NAME:-default}` and `${NAME:?message}`. */
function interpolate(text: string, values: Record<string, string>): string {
  return text.replaceAll(/\$\{(\w+):([-?])([^}]*)\}/g, (_match, name: string, kind: string, rest: string) => {
    const value = values[name];
    if (value !== undefined && value !== '') return value;
    if (kind === '?') throw new Error(`${name} is missing: ${rest}`);
    return rest;
  });
}

const secrets = {
  POSTGRES_PASSWORD: 'a'.repeat(32),
  FRAMEKEEP_SECRET_KEY: 'b'.repeat(64),
  FRAMEKEEP_S3_ACCESS_KEY: 'framekeep',
  FRAMEKEEP_S3_SECRET_KEY: 'c'.repeat(32),
};

function configOf(environment: Record<string, string>): Config {
  return readConfig(
    Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, interpolate(value, secrets)])),
  );
}

test('the four roles run from the one image', () => {
  expect(ours.map(([, { environment }]) => environment['FRAMEKEEP_ROLES'])).toEqual([...roles]);
});

test('the settings of each role are right, with nothing but the secrets in .env', () => {
  for (const [, { environment }] of ours) {
    expect(requireServices(configOf(environment)).s3.bucket).toBe('framekeep');
  }
});

test.each(Object.keys(secrets))('without %s nothing starts', (missing) => {
  const given = { ...secrets, [missing]: '' };
  const all = services.flatMap(([, { environment }]) => Object.values(environment));
  expect(() => all.map((value) => interpolate(value, given))).toThrow(missing);
});

test('what is named is there', () => {
  const all = services.map(([, value]) => value);
  const networks = new Set(Object.keys(compose.networks));
  const volumes = new Set(Object.keys(compose.volumes));
  const healthy = new Set(services.filter(([, { healthcheck }]) => healthcheck !== undefined).map(([name]) => name));
  const waits = all.flatMap((value) => Object.entries(value.depends_on));
  expect(all.flatMap((value) => value.networks).filter((name) => !networks.has(name))).toEqual([]);
  expect(all.flatMap((value) => value.volumes).filter((name) => !volumes.has(name.split(':')[0] ?? ''))).toEqual([]);
  expect(waits.filter(([name]) => compose.services[name] === undefined)).toEqual([]);
  expect(waits.filter(([name, { condition }]) => condition === 'service_healthy' && !healthy.has(name))).toEqual([]);
});

test('encoders see the spool of the recorder beside them, which they only read, and share what they learn of its driver', () => {
  const [recorder, encoder] = [compose.services['recorder'], compose.services['encoder']].map((one) => {
    const config = configOf({ FRAMEKEEP_DATA_DIR: '/data', ...one?.environment });
    return { config, mounts: (one?.volumes ?? []).map((volume) => volume.split(':')) };
  });
  const mount = recorder?.mounts.find(([, path]) => path === '/data');
  const beside = encoder?.mounts.find(([name]) => name === mount?.[0]);
  expect(beside?.[2]).toBe('ro');
  expect(encoder?.config.spool.dir).toBe(recorder?.config.spool.dir.replace('/data', beside?.[1] ?? ''));
  const written = encoder?.mounts.filter(([, , mode]) => mode !== 'ro').map(([, path]) => `${path}/`) ?? [];
  expect(written.some((path) => encoder?.config.encoderSessionDir?.startsWith(path))).toBe(true);
});

test('only this machine reaches the console and the Temporal page, and nothing else is open', () => {
  const open = services.filter(([, { ports }]) => ports.length > 0);
  expect(open.map(([name]) => name)).toEqual(['api', 'temporal-ui']);
  for (const port of open.flatMap(([, { ports }]) => ports)) expect(port).toMatch(/^127\.0\.0\.1:/);
  expect(compose.networks['services']?.internal).toBe(true);
  expect(compose.networks['storage']?.internal).toBe(true);
});

test('only S3 listens outside of the SeaweedFS container', () => {
  const seaweedfs = compose.services['seaweedfs'];
  const command = String(seaweedfs?.['command']);
  expect(seaweedfs?.networks).toEqual(['storage']);
  expect(command).toContain('-ip.bind=127.0.0.1');
  expect(command).toContain('-s3.ip.bind=0.0.0.0');
  expect(command).toContain('-filer.disableHttp');
});

test('the Temporal server has what feeding and the loss of a host rely on', () => {
  const settings: unknown = parse(compose.configs['temporal-settings']?.content ?? '');
  expect(settings).toEqual({
    'matching.useNewMatcher': [{ value: true }],
    'matching.enableFairness': [{ value: true }],
    'matching.numTaskqueueReadPartitions': [{ value: 1 }],
    'matching.numTaskqueueWritePartitions': [{ value: 1 }],
    'matching.longPollExpirationInterval': [{ value: '10s' }],
  });
});

test('the image runs what npm start runs, as a user that is not root', () => {
  const dockerfile = readFileSync('Dockerfile', 'utf8');
  const scripts = z
    .object({ scripts: z.object({ start: z.string() }) })
    .parse(JSON.parse(readFileSync('package.json', 'utf8'))).scripts;
  const command = z.array(z.string()).parse(JSON.parse(/^CMD (.*)$/m.exec(dockerfile)?.[1] ?? '[]'));
  expect(command.join(' ')).toBe(scripts.start);
  expect(dockerfile).toMatch(/^USER node$/m);
  expect(dockerfile.indexOf('npm run build')).toBeLessThan(dockerfile.indexOf('USER node'));
});
