// How good the connection is, in the bar of a viewer. It follows the server's stream of changes: the gate measures, the
// server tells when it has changed; nothing is sent on the desktop's own connection.
import type { Connection } from '../data/types';
import { useGet } from '../data/use-get';
import { QualityNotice } from '../ui/quality';

export function SessionQuality({ session }: { session: string | undefined }) {
  const { data } = useGet<Connection>(session ? `/connections/${session}` : null);
  return <QualityNotice row={session ? data : undefined} />;
}
