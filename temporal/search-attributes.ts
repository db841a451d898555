import type { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { cameraSearchAttributes } from '../workflows/messages.ts';

/**
 * Registers the search attributes that camera workflows use; a no-op for those that are there.
 * @throws Error when one exists with another type: Temporal cannot change it, an operator must decide
 */
export async function registerSearchAttributes(
  connection: Pick<Connection, 'operatorService'>,
  namespace: string,
): Promise<void> {
  const keyword = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = cameraSearchAttributes.filter((name) => customAttributes[name] === undefined);
  const wrong = cameraSearchAttributes.filter((name) => ![undefined, keyword].includes(customAttributes[name]));
  if (wrong.length > 0) {
    throw new Error(
      `Temporal namespace "${namespace}" has the search attributes ${wrong.join(', ')} with another type than Keyword; remove them with "temporal operator search-attribute remove"`,
    );
  }
  if (missing.length === 0) return;
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((name) => [name, keyword])),
  });
}
