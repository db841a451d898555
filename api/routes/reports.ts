import { camerasOfTenant, daysOfTenant, pausesOfTenant } from '../../db/coverage-report.ts';
import { defaultTenant, noSuchTenant, tenantById } from '../../db/tenants.ts';
import { lateFootageDays } from '../../domain/coverage.ts';
import { coverageReport, type CoverageReport } from '../../domain/coverage-report.ts';
import { dayMs } from '../../domain/retention.ts';
import type { Api, ApiDeps } from '../dependencies.ts';
import { reportPage, reportPagePolicy } from '../report-page.ts';
import { signReport } from '../report-signature.ts';
import { commonProblems, isoTime, rawBody } from '../schemas/common.ts';
import { coverageReportSchema, reportQuery } from '../schemas/reports.ts';

/** What a customer can be shown. */
export function registerReports(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/reports/coverage',
    {
      schema: {
        summary: "A month of a tenant's coverage by camera and day, signed",
        description: 'From the hourly roll-up. Verify it like a certificate.',
        operationId: 'coverageReport',
        tags: ['reports'],
        querystring: reportQuery,
        response: { ...commonProblems, 200: coverageReportSchema },
      },
    },
    async (request) => {
      const document = await reportOf(deps, request.query);
      const { signature } = await signReport(deps, document);
      return { document, signature };
    },
  );

  app.get(
    '/v1/reports/coverage/page',
    {
      schema: {
        summary: 'The coverage report as a page for printing',
        operationId: 'coverageReportPage',
        tags: ['reports'],
        querystring: reportQuery,
        response: { ...commonProblems, 200: rawBody('HTML', 'text/html') },
      },
    },
    async (request, reply) => {
      const document = await reportOf(deps, request.query);
      const { signature } = await signReport(deps, document);
      await reply
        .header('content-security-policy', reportPagePolicy)
        .type('text/html; charset=utf-8')
        .send(reportPage(document, signature));
    },
  );
}

async function reportOf(
  deps: ApiDeps,
  asked: { tenantId?: string | undefined; month: string },
): Promise<CoverageReport> {
  const { pool } = deps;
  const nowMs = deps.now();
  const tenant = asked.tenantId === undefined ? await defaultTenant(pool) : await tenantById(pool, asked.tenantId);
  if (tenant === null) throw noSuchTenant();
  const [year = 0, month = 0] = asked.month.split('-').map(Number);
  const [fromMs, endMs] = [Date.UTC(year, month - 1), Date.UTC(year, month)];
  // Of a month that is not over nothing to come is missing.
  const toMs = Math.max(fromMs, Math.min(endMs, nowMs));
  const [cameras, days, pauses] = await Promise.all([
    camerasOfTenant(pool, tenant.id, fromMs, toMs),
    daysOfTenant(pool, tenant.id, fromMs, endMs),
    pausesOfTenant(pool, tenant.id, fromMs, toMs),
  ]);
  return coverageReport(
    {
      tenantId: tenant.id,
      tenantName: tenant.name,
      month: asked.month,
      issuedAt: isoTime(nowMs),
      isSettled: nowMs >= endMs + lateFootageDays * dayMs,
    },
    { cameras, days, pauses },
  );
}
