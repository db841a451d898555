import { z } from 'zod';
import type { Contract } from '../../db/contracts.ts';
import { dayOf, lastDayOfTerm, lastDayWhenEnded } from '../../domain/contract.ts';
import { exitFee, monthlyPrice, type PriceList } from '../../domain/price.ts';
import { isoTimeOrNull, pageOf, pageQuery, timeOut, uuid } from './common.ts';

const day = z.iso.date('must be a day such as 2026-11-24');
// Whatever term and notice come on top, its last day has a year of four digits.
const firstDay = day.refine(
  (text) => text >= '2000-01-01' && text < '2101-01-01',
  'must lie in the years 2000 to 2100',
);
const cents = z.number().int();
const priceLine = z.object({ text: z.string(), cents }).meta({ id: 'PriceLine' });

export const priceListSchema = z
  .object({
    name: z.string(),
    currency: z.string(),
    firstMonthCents: cents.describe('A camera a month at one month of retention.'),
    furtherMonthCents: cents.describe('For each further month of retention.'),
    minimumMonths: z.number().int(),
    noticeDays: z.number().int(),
    exitFeeCents: cents.describe('For each month of the term that is left.'),
    prepayDiscounts: z.array(z.object({ months: z.number().int(), percent: z.number() })),
  })
  .meta({ id: 'PriceList' });

export const contractSchema = z
  .object({
    id: uuid,
    tenantId: uuid,
    startsOn: day,
    termMonths: z.number().int(),
    termEndsOn: day.describe('Last day of the minimum term; after it the contract goes on until notice.'),
    noticeDays: z.number().int(),
    prepayMonths: z.number().int(),
    noticeAt: timeOut.nullable(),
    endsOn: day.nullable().describe('The last day; null: it goes on.'),
    endReason: z.enum(['notice', 'early', 'non-payment']).nullable(),
    endedAt: timeOut.nullable().describe('When its cameras were retired: their grace periods began.'),
    prices: priceListSchema,
    monthly: z.array(priceLine).describe('A month’s price at today’s cameras; the last line is the sum.'),
    exitFee: priceLine.describe(
      'What ending costs: as agreed, or if it were left early today; a tenant’s deletion is an early leaving.',
    ),
  })
  .meta({ id: 'Contract' });

export const contractBody = z
  .strictObject({
    tenantId: uuid,
    startsOn: firstDay,
    termMonths: z
      .number()
      .int()
      .min(1)
      .max(120)
      .optional()
      .describe('At least the minimum of the price list; absent: that.'),
    noticeDays: z.number().int().min(0).max(366).optional(),
    prepayMonths: z.number().int().min(0).max(120).default(0).describe('No more than the term.'),
  })
  .meta({ id: 'NewContract' });

export const contractEndBody = z
  .strictObject({
    reason: z
      .enum(['notice', 'early', 'non-payment'])
      .describe(
        'notice: not before the term is over. early: after the notice period, for the exit fee. non-payment: today.',
      ),
  })
  .meta({ id: 'ContractEnd' });

export const contractQuery = z.strictObject({ ...pageQuery, tenantId: uuid.optional() });
export const contractList = pageOf(contractSchema);
export const priceLists = z.object({ items: z.array(priceListSchema) });

/** A contract with its price and exit fee explained. @param cameras retention days of each camera that is paid for */
export function contractAnswer(
  contract: Contract,
  cameras: readonly number[],
  nowMs: number,
): z.infer<typeof contractSchema> {
  // Contracts of tenants that were deleted before their last day was noted have ended all the same.
  const leftOn = dayOf(contract.endedAtMs ?? nowMs);
  const lastDay = contract.endsOn ?? lastDayWhenEnded(contract, leftOn, 'early');
  return {
    id: contract.id,
    tenantId: contract.tenantId,
    startsOn: contract.startsOn,
    termMonths: contract.termMonths,
    termEndsOn: lastDayOfTerm(contract),
    noticeDays: contract.noticeDays,
    prepayMonths: contract.prepayMonths,
    noticeAt: isoTimeOrNull(contract.noticeAtMs),
    endsOn: contract.endsOn,
    endReason: contract.endReason,
    endedAt: isoTimeOrNull(contract.endedAtMs),
    prices: priceListAnswer(contract.prices),
    monthly: monthlyPrice(contract.prices, contract, cameras),
    exitFee: exitFee(contract.prices, contract, lastDay),
  };
}

/** A price list as the API shows it. */
export function priceListAnswer(list: PriceList): z.infer<typeof priceListSchema> {
  return { ...list, prepayDiscounts: list.prepayDiscounts.map((step) => ({ ...step })) };
}
