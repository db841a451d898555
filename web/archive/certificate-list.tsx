import type { CertificateEntry } from '../answers.ts';
import { fleet } from '../fleet.ts';
import { dateTime } from '../format.ts';
import { useList } from '../loaded.ts';
import { Empty } from '../parts/empty.tsx';
import { LoadState } from '../parts/load-state.tsx';
import { Table } from '../parts/table.tsx';
import { words } from '../words/index.ts';

/** Proofs of deletion, newest first, to be downloaded. */
export function CertificateList({ cameraId }: { cameraId?: string }) {
  const w = words.value;
  const found = useList<CertificateEntry>(`/v1/certificates${cameraId === undefined ? '' : `?cameraId=${cameraId}`}`);
  const nameOf = (id: string | null) =>
    id === null ? w.wholeTenant : (fleet.value.cameras.find((camera) => camera.id === id)?.name ?? w.goneCamera);
  return (
    <LoadState of={found}>
      {(all) =>
        all.length === 0 ? (
          <Empty icon="shield" text={w.noCertificates} hint={w.noCertificatesHint} />
        ) : (
          <Table
            label={w.certificates}
            rows={all.toReversed()}
            keyOf={({ id }) => id}
            columns={[
              { name: w.issued, cell: ({ issuedAt }) => dateTime(Date.parse(issuedAt)) },
              { name: w.certificateOf, cell: ({ kind, month }) => w.certificateKinds[kind](month ?? '') },
              { name: w.camera, cell: (one) => nameOf(one.cameraId) },
              {
                name: '',
                cell: ({ id, kind }) => (
                  <span class="links">
                    <a class="text-link" href={`/v1/certificates/${id}`} download>
                      {w.downloadCertificate}
                    </a>
                    {kind !== 'tenant' && (
                      <a class="text-link" href={`/v1/certificates/${id}/objects`} download={`${id}-objects.txt`}>
                        {w.downloadObjects}
                      </a>
                    )}
                  </span>
                ),
              },
            ]}
          />
        )
      }
    </LoadState>
  );
}
