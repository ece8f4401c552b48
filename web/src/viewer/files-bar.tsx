// The panel for files: those that the desktop offers, and a button that offers some to it.
import { Button } from '@patternfly/react-core';
import { useRef, useState } from 'react';
import { useI18n } from '../i18n';
import type { OfferedFile } from './rdp-files';

export interface FilesBarProps {
  files: OfferedFile[];
  onSave: (index: number) => Promise<void>;
  onOffer: (files: File[]) => void;
}

export function FilesBar({ files, onSave, onOffer }: FilesBarProps) {
  const { t, bytes } = useI18n();
  const picker = useRef<HTMLInputElement>(null);
  const [sent, setSent] = useState<string>();
  const [busy, setBusy] = useState<number>();

  const save = async (index: number) => {
    setBusy(index);
    try {
      await onSave(index);
    } finally {
      setBusy(undefined);
    }
  };
  const pick = (list: FileList | null) => {
    const picked = [...(list ?? [])];
    if (picked.length === 0) return;
    onOffer(picked);
    setSent(picked.map((file) => file.name).join(', '));
  };
  return (
    <div className="yd-viewer-bar" data-testid="files">
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        aria-label={t('files.send')}
        onChange={(event) => pick(event.currentTarget.files)}
      />
      <Button variant="secondary" onClick={() => picker.current?.click()}>
        {t('files.send')}
      </Button>
      {files.map((file) => (
        <Button key={file.index} variant="link" isInline isLoading={busy === file.index} onClick={() => void save(file.index)}>
          {t('files.save', { name: file.name, size: bytes(file.size) })}
        </Button>
      ))}
      <small role="status">{sent ? t('files.sent', { names: sent }) : t('files.hint')}</small>
    </div>
  );
}
