import { certificateById, certifiedLines, listCertificates } from '../../db/certificates.ts';
import { recordDeed } from '../../db/audit.ts';
import { replaceSigningKey, signingKeys } from '../../db/signing-keys.ts';
import { transaction, type Db } from '../../db/sql.ts';
import { AppError } from '../../errors.ts';
import { newSealedKey } from '../../security/certificates.ts';
import { doneBy } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { decodeCursor, toPage } from '../paging.ts';
import { commonProblems, idParams, isoTime, isoTimeOrNull, rawBody, uuid } from '../schemas/common.ts';
import {
  certificateAnswer,
  certificateList,
  certificateQuery,
  publishedKeys,
  signedCertificate,
} from '../schemas/lifecycle.ts';

/** Proofs of deletion, and the keys they are signed with. */
export function registerCertificates(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/certificates',
    {
      schema: {
        summary: 'List certificates in the order they were issued',
        operationId: 'listCertificates',
        tags: ['certificates'],
        querystring: certificateQuery,
        response: { ...commonProblems, 200: certificateList },
      },
    },
    async (request) => {
      const { limit, cursor, cameraId, tenantId } = request.query;
      const afterId = cursor === undefined ? undefined : decodeCursor(cursor, uuid);
      const found = await listCertificates(deps.pool, { cameraId, tenantId, afterId, limit: limit + 1 });
      return toPage(found, limit, certificateAnswer, (certificate) => certificate.id);
    },
  );

  app.get(
    '/v1/certificates/:id',
    {
      schema: {
        summary: 'The signed certificate; `npm run verify-certificate` verifies it offline',
        operationId: 'certificate',
        tags: ['certificates'],
        params: idParams,
        response: { ...commonProblems, 200: signedCertificate },
      },
    },
    async (request, reply) => {
      const certificate = await certificateById(deps.pool, request.params.id);
      if (certificate === null) throw new AppError('not-found', 'There is no such certificate.');
      void reply.header('content-disposition', `attachment; filename="framekeep-certificate-${certificate.id}.json"`);
      return signedCertificate.parse(JSON.parse(certificate.document));
    },
  );

  app.get(
    '/v1/certificates/:id/objects',
    {
      schema: {
        summary: 'The deleted objects and their hashes: what the certificate’s digest is over',
        operationId: 'certificateObjects',
        tags: ['certificates'],
        params: idParams,
        response: { ...commonProblems, 200: rawBody('One object a line: key, space, SHA-256.', 'text/plain') },
      },
    },
    async (request, reply) => {
      const lines = await certifiedLines(deps.pool, request.params.id);
      if (lines === null)
        throw new AppError('not-found', 'There is no such certificate, or it has no list of its own.');
      return reply.type('text/plain; charset=utf-8').send(lines);
    },
  );

  app.post(
    '/v1/certificates/keys',
    {
      schema: {
        summary: 'Sign with a new key from now on; what older keys signed stays valid',
        operationId: 'rotateSigningKey',
        tags: ['certificates'],
        response: { ...commonProblems, 201: publishedKeys },
      },
    },
    async (request, reply) => {
      await transaction(deps.pool, async (tx) => {
        const key = newSealedKey(deps.sealer);
        const replaced = (await signingKeys(tx)).find(({ retiredAtMs }) => retiredAtMs === null);
        await replaceSigningKey(tx, key, deps.now());
        const values = { before: { id: replaced?.id ?? null }, after: { id: key.id } };
        await recordDeed(tx, { ...doneBy(request, deps), action: 'signing-key.rotate', ...values });
      });
      return reply.code(201).send(await keysAnswer(deps.pool));
    },
  );

  app.get(
    '/.well-known/framekeep-keys.json',
    {
      config: { public: true },
      schema: {
        summary: 'The public keys of all certificates, old ones too',
        operationId: 'publishedKeys',
        tags: ['certificates'],
        security: [],
        response: { ...commonProblems, 200: publishedKeys },
      },
    },
    () => keysAnswer(deps.pool),
  );
}

async function keysAnswer(db: Db) {
  const keys = await signingKeys(db);
  return {
    keys: keys.map((key) => ({
      id: key.id,
      algorithm: 'Ed25519' as const,
      publicKey: key.publicKey.toString('base64url'),
      createdAt: isoTime(key.createdAtMs),
      retiredAt: isoTimeOrNull(key.retiredAtMs),
    })),
  };
}
