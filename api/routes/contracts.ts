import { recordDeed } from '../../db/audit.ts';
import {
  contractById,
  currentPrices,
  insertContract,
  listContracts,
  markContractEnded,
  paidCameras,
  setContractEnd,
  type Contract,
} from '../../db/contracts.ts';
import { readClocks } from '../../db/clock.ts';
import { transaction, violatedUnique, type Db } from '../../db/sql.ts';
import { retireCamerasOf } from '../../db/tenant-deletion.ts';
import { dayOf, lastDayWhenEnded, wrongTerms } from '../../domain/contract.ts';
import { AppError } from '../../errors.ts';
import { doneBy } from '../audit.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { decodeCursor, toPage } from '../paging.ts';
import { commonProblems, conflictProblem, idParams, isoTimeOrNull, uuid } from '../schemas/common.ts';
import { wrongField } from '../wrong-field.ts';
import {
  contractAnswer,
  contractBody,
  contractEndBody,
  contractList,
  contractQuery,
  contractSchema,
  priceListAnswer,
  priceLists,
} from '../schemas/contract.ts';

/** What was agreed with tenants, and what it costs. */
export function registerContracts(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/prices',
    {
      schema: {
        summary: 'The price list that new contracts are made with',
        operationId: 'prices',
        tags: ['contracts'],
        response: { ...commonProblems, 200: priceLists },
      },
    },
    async () => ({ items: [priceListAnswer(await currentPrices(deps.pool))] }),
  );

  app.get(
    '/v1/contracts',
    {
      schema: {
        summary: 'List contracts in the order they were made',
        operationId: 'listContracts',
        tags: ['contracts'],
        querystring: contractQuery,
        response: { ...commonProblems, 200: contractList },
      },
    },
    async (request) => {
      const { limit, cursor, tenantId } = request.query;
      const afterId = cursor === undefined ? undefined : decodeCursor(cursor, uuid);
      const found = await listContracts(deps.pool, { tenantId, afterId, limit: limit + 1 });
      const answers = new Map<string, Awaited<ReturnType<typeof answerOf>>>();
      for (const contract of found) answers.set(contract.id, await answerOf(deps.pool, contract, deps.now()));
      return toPage(
        [...answers.values()],
        limit,
        (answer) => answer,
        (answer) => answer.id,
      );
    },
  );

  app.post(
    '/v1/contracts',
    {
      schema: {
        summary: 'Make a tenant’s contract, with the newest price list',
        operationId: 'addContract',
        tags: ['contracts'],
        body: contractBody,
        response: { ...commonProblems, ...conflictProblem, 201: contractSchema },
      },
    },
    async (request, reply) => {
      const contract = await transaction(deps.pool, async (tx) => {
        const { termMonths, noticeDays, ...terms } = request.body;
        const options = {
          ...(termMonths !== undefined && { termMonths }),
          ...(noticeDays !== undefined && { noticeDays }),
        };
        const made = await insertContract(tx, { ...terms, ...options });
        const wrong = wrongTerms(made, made.prices.minimumMonths);
        if (wrong !== null) throw wrongField(wrong.path, wrong.message);
        const about = { tenantId: made.tenantId, after: audited(made) };
        await recordDeed(tx, { ...doneBy(request, deps), action: 'contract.add', ...about });
        return made;
      }).catch((error: unknown) => {
        if (violatedUnique(error) === null) throw error;
        throw new AppError('wrong-state', 'This tenant has a contract already.');
      });
      return reply.code(201).send(await answerOf(deps.pool, contract, deps.now()));
    },
  );

  app.get(
    '/v1/contracts/:id',
    {
      schema: {
        summary: 'A contract with its price and exit fee, line by line',
        operationId: 'contract',
        tags: ['contracts'],
        params: idParams,
        response: { ...commonProblems, 200: contractSchema },
      },
    },
    async (request) => answerOf(deps.pool, await existing(deps.pool, request.params.id), deps.now()),
  );

  app.post(
    '/v1/contracts/:id/end',
    {
      schema: {
        summary: 'End a contract: after its last day the tenant’s cameras are retired, and their grace periods begin',
        operationId: 'endContract',
        tags: ['contracts'],
        params: idParams,
        body: contractEndBody,
        response: { ...commonProblems, ...conflictProblem, 200: contractSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      const { reason } = request.body;
      const nowMs = deps.now();
      const by = doneBy(request, deps);
      const told = await transaction(deps.pool, async (tx) => {
        const before = await existing(tx, id);
        const endsOn = lastDayWhenEnded(before, dayOf(nowMs), reason);
        if (!(await setContractEnd(tx, id, { endsOn, reason, nowMs }))) {
          throw new AppError('wrong-state', 'This contract has ended, or ends no later already.');
        }
        const graceMs = deps.graceDays * 24 * 3_600_000;
        const atOnce = reason === 'non-payment' && (await markContractEnded(tx, id, nowMs));
        const times = { nowMs, graceMs, clocks: await readClocks(tx, deps), by: by.actor };
        const retired = atOnce ? await retireCamerasOf(tx, before.tenantId, times) : [];
        const values = {
          before: audited(before),
          after: { ...audited(await existing(tx, id)), retired: retired.length },
        };
        await recordDeed(tx, { ...by, action: 'contract.end', tenantId: before.tenantId, ...values });
        return retired;
      });
      await Promise.all(told.map((change) => deps.workflows.update('retire', change)));
      return answerOf(deps.pool, await existing(deps.pool, id), nowMs);
    },
  );
}

async function existing(db: Db, id: string): Promise<Contract> {
  const contract = await contractById(db, id);
  if (contract === null) throw new AppError('not-found', 'There is no such contract.');
  return contract;
}

async function answerOf(db: Db, contract: Contract, nowMs: number) {
  return contractAnswer(contract, await paidCameras(db, contract.tenantId), nowMs);
}

function audited({ id, startsOn, termMonths, noticeDays, prepayMonths, endsOn, endReason, endedAtMs }: Contract) {
  const endedAt = isoTimeOrNull(endedAtMs);
  return { id, startsOn, termMonths, noticeDays, prepayMonths, endsOn, endReason, endedAt };
}
