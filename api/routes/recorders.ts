import { recorders } from '../../db/recorders.ts';
import type { Api, ApiDeps } from '../dependencies.ts';

import { commonProblems } from '../schemas/common.ts';
import { recorderAnswer, recorderList } from '../schemas/service.ts';

/** The processes that record. */
export function registerRecorders(app: Api, deps: ApiDeps): void {
  app.get(
    '/v1/recorders',
    {
      schema: {
        summary: 'List recorders',
        operationId: 'listRecorders',
        tags: ['service'],
        response: { ...commonProblems, 200: recorderList },
      },
    },
    async () => {
      const nowMs = deps.now();
      return { items: (await recorders(deps.pool)).map((recorder) => recorderAnswer(recorder, nowMs)) };
    },
  );
}
