import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Db, Pool } from '../db/sql.ts';
import type { Logger } from '../log.ts';
import type { AddressPolicy } from '../security/address-policy.ts';
import type { LinkSigner } from '../security/links.ts';
import type { Sealer } from '../security/seal.ts';
import type { Objects } from '../storage/objects.ts';
import type { CameraWorkflows } from './camera-workflows.ts';

/** What the API is made of; api/main.ts puts it together, tests put in real parts of their own. */
export interface ApiDeps {
  pool: Pool;
  objects: Objects;
  workflows: CameraWorkflows;
  sealer: Sealer;
  links: LinkSigner;
  /** Where cameras may be. */
  networks: AddressPolicy;
  log: Logger;
  /** Ms since 1970. */
  now: () => number;
  /** The database's own clock, which dates signs of life; tests of time hand in another. */
  databaseNow: (db: Db) => Promise<number>;
  /** Where the admin's first password lies until it is changed. */
  dataDir: string;
  /** The built console. */
  webDir: string;
  graceDays: number;
}

/** The server as routes see it: schemas are zod, and give the types. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;
