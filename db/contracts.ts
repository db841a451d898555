import { z } from 'zod';
import type { ContractTerms, EndReason } from '../domain/contract.ts';
import type { PriceList } from '../domain/price.ts';
import { at, instant, many, maybeOne, one, type Db, type Transaction } from './sql.ts';
import { noSuchTenant } from './tenants.ts';

/** A tenant's contract. Days as `2026-11-24`, instants in ms since 1970. */
export interface Contract extends ContractTerms {
  id: string;
  tenantId: string;
  prices: PriceList;
  noticeAtMs: number | null;
  endsOn: string | null;
  endReason: EndReason | null;
  endedAtMs: number | null;
}

const priceFields = {
  name: z.string(),
  currency: z.string(),
  first_month_cents: z.number(),
  further_month_cents: z.number(),
  minimum_months: z.number(),
  default_notice_days: z.number(),
  exit_fee_cents: z.number(),
  prepay_discounts: z.array(z.object({ months: z.number(), percent: z.number() })),
};

const priceRow = z.object(priceFields);

function toPrices(row: z.infer<typeof priceRow>): PriceList {
  return {
    name: row.name,
    currency: row.currency,
    firstMonthCents: row.first_month_cents,
    furtherMonthCents: row.further_month_cents,
    minimumMonths: row.minimum_months,
    noticeDays: row.default_notice_days,
    exitFeeCents: row.exit_fee_cents,
    prepayDiscounts: row.prepay_discounts,
  };
}

const priceColumns = `l.name, l.currency, l.first_month_cents, l.further_month_cents, l.minimum_months,
  l.notice_days as default_notice_days, l.exit_fee_cents, l.prepay_discounts`;

const contractRow = z
  .object({
    ...priceFields,
    public_id: z.string(),
    tenant_id: z.string(),
    starts_on: z.string(),
    term_months: z.number(),
    notice_days: z.number(),
    prepay_months: z.number(),
    notice_at: instant.nullable(),
    ends_on: z.string().nullable(),
    end_reason: z.enum(['notice', 'early', 'non-payment']).nullable(),
    ended_at: instant.nullable(),
  })
  .transform((row): Contract => ({
    id: row.public_id,
    tenantId: row.tenant_id,
    prices: toPrices(row),
    startsOn: row.starts_on,
    termMonths: row.term_months,
    noticeDays: row.notice_days,
    prepayMonths: row.prepay_months,
    noticeAtMs: row.notice_at,
    endsOn: row.ends_on,
    endReason: row.end_reason,
    endedAtMs: row.ended_at,
  }));

const selectContract = `select c.public_id, t.public_id as tenant_id, to_char(c.starts_on, 'YYYY-MM-DD') as starts_on,
    c.term_months, c.notice_days, c.prepay_months, c.notice_at, to_char(c.ends_on, 'YYYY-MM-DD') as ends_on,
    c.end_reason, c.ended_at, ${priceColumns}
  from contract c join tenant t on t.id = c.tenant_id join price_list l on l.id = c.price_list_id`;

/** The newest price list: new contracts are made with it. */
export async function currentPrices(db: Db): Promise<PriceList> {
  return toPrices(await one(db, priceRow, `select ${priceColumns} from price_list l order by l.id desc limit 1`));
}

/**
 * Makes a tenant's contract with the newest price list; what is not given is as the list says.
 * @throws AppError not-found; the driver's unique violation when the tenant has one
 */
export async function insertContract(
  tx: Transaction,
  contract: { tenantId: string; startsOn: string; prepayMonths: number } & Partial<ContractTerms>,
): Promise<Contract> {
  const made = await maybeOne(
    tx,
    z.object({ public_id: z.string() }),
    `insert into contract (tenant_id, price_list_id, starts_on, term_months, notice_days, prepay_months)
     select t.id, l.id, $2::date, coalesce($3::int, l.minimum_months), coalesce($4::int, l.notice_days), $5::int
     from tenant t, (select * from price_list order by id desc limit 1) l
     where t.public_id = $1::uuid and t.deletion_requested_at is null
     returning public_id`,
    [
      contract.tenantId,
      contract.startsOn,
      contract.termMonths ?? null,
      contract.noticeDays ?? null,
      contract.prepayMonths,
    ],
  );
  if (made === null) throw noSuchTenant();
  return one(tx, contractRow, `${selectContract} where c.public_id = $1::uuid`, [made.public_id]);
}

/** The contract with this id, or null. */
export function contractById(db: Db, id: string): Promise<Contract | null> {
  return maybeOne(db, contractRow, `${selectContract} where c.public_id = $1::uuid`, [id]);
}

/** A tenant's contract that has not ended, or null; locked. */
export function openContractOf(tx: Transaction, tenantId: string): Promise<Contract | null> {
  return maybeOne(
    tx,
    contractRow,
    `${selectContract} where t.public_id = $1::uuid and c.ended_at is null for update of c`,
    [tenantId],
  );
}

/** A page of contracts in the order they were made. */
export function listContracts(
  db: Db,
  page: { tenantId?: string | undefined; afterId?: string | undefined; limit: number },
): Promise<Contract[]> {
  return many(
    db,
    contractRow,
    `${selectContract}
     where ($1::uuid is null or t.public_id = $1::uuid) and ($2::uuid is null or c.public_id > $2::uuid)
     order by c.public_id limit $3::int`,
    [page.tenantId ?? null, page.afterId ?? null, page.limit],
  );
}

/** Sets a contract's last day. @returns false when it has ended or is about to already */
export async function setContractEnd(
  tx: Transaction,
  id: string,
  end: { endsOn: string; reason: EndReason; nowMs: number },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update contract set ends_on = $2::date, end_reason = $3::text, notice_at = $4::timestamptz
     where public_id = $1::uuid and ended_at is null and (ends_on is null or ends_on > $2::date)`,
    [id, end.endsOn, end.reason, at(end.nowMs)],
  );
  return rowCount === 1;
}

/** Contracts whose last day is over, or that ended without payment, and whose cameras are not retired yet. */
export function contractsToEnd(db: Db, today: string): Promise<Contract[]> {
  return many(
    db,
    contractRow,
    `${selectContract} where c.ended_at is null and (c.ends_on < $1::date or
       (c.end_reason = 'non-payment' and c.ends_on <= $1::date)) order by c.id`,
    [today],
  );
}

/** Notes that a contract's cameras are retired. @returns false when somebody else was first */
export async function markContractEnded(tx: Transaction, id: string, nowMs: number): Promise<boolean> {
  const { rowCount } = await tx.query(
    `update contract set ended_at = $2::timestamptz where public_id = $1::uuid and ended_at is null`,
    [id, at(nowMs)],
  );
  return rowCount === 1;
}

/** Retention days of each camera that a tenant pays for: all that are not retired. */
export function paidCameras(db: Db, tenantId: string): Promise<number[]> {
  return many(
    db,
    z.object({ retention_days: z.number() }).transform((row) => row.retention_days),
    `select c.retention_days from camera c join tenant t on t.id = c.tenant_id
     where t.public_id = $1::uuid and c.intent <> 'retired' order by c.id`,
    [tenantId],
  );
}
