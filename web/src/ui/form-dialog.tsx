// A form in a dialog, described by a list of fields: for adding and for editing. Only what was
// changed is sent; when somebody else was quicker, both values are shown.
import {
  Button,
  Checkbox,
  ExpandableSection,
  Form,
  FormGroup,
  FormHelperText,
  FormSelect,
  FormSelectOption,
  HelperText,
  HelperTextItem,
  TextArea,
  TextInput,
} from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState, type FormEvent } from 'react';
import { ApiError } from '../api/client';
import { useI18n } from '../i18n';
import { Dialog } from './dialog';
import { ProblemAlert } from './problem';
import { SearchPicker } from './search-picker';

export type Value = string | number | boolean | null | undefined;
export type Values = Record<string, Value>;

export interface Field {
  name: string;
  label: string;
  kind?: 'text' | 'number' | 'area' | 'choice' | 'switch' | 'search';
  /** Of a search: the list of the API that is searched. */
  path?: string;
  options?: { value: string; label: string }[];
  required?: boolean;
  /** Of a number: 'any' allows fractions. */
  step?: 'any';
  help?: string;
  /** Shown when this part of the form is unfolded. */
  part?: string;
}

export interface FormDialogProps {
  title: string;
  fields: Field[];
  /** Values to begin with; the object itself when editing. */
  start?: Values;
  submit: string;
  intro?: string;
  /** version and present: set when the person chose to overwrite a newer object. */
  onSubmit: (changed: Values, version?: number, present?: Values) => Promise<void>;
  onClose: () => void;
  /** Editing: only changed values are sent. */
  editing?: boolean;
  /** The values of the fields in an object as the server has it, where they are not its members. */
  flat?: (present: Values) => Values;
}

function initial(fields: Field[], start: Values): Values {
  const first = (field: Field): Value => {
    const given = start[field.name];
    if (given !== undefined && given !== null) return given;
    if (field.kind === 'switch') return false;
    if (field.kind === 'choice') return field.options?.[0]?.value ?? '';
    return '';
  };
  return Object.fromEntries(fields.map((field) => [field.name, first(field)]));
}

/** What is sent: numbers as numbers, empty optional values left out (or null when they were set). */
export function toSend(fields: Field[], values: Values, start: Values, editing: boolean): Values {
  const sent: Values = {};
  for (const field of fields) {
    const raw = values[field.name];
    const empty = raw === '' || raw === undefined || raw === null;
    const value: Value = empty ? null : field.kind === 'number' ? Number(raw) : raw;
    const before = start[field.name] ?? null;
    if (editing ? value !== before : !empty) sent[field.name] = value;
  }
  return sent;
}

function Line({ field, value, problem, onChange }: { field: Field; value: Value; problem: string | undefined; onChange: (value: Value) => void }) {
  const invalid = problem !== undefined;
  return (
    <FormGroup
      fieldId={`field-${field.name}`}
      isRequired={field.required ?? false}
      {...(field.kind === 'switch' ? {} : { label: field.label })}
    >
      <Input field={field} value={value} invalid={invalid} onChange={onChange} />
      {(invalid || field.help) && (
        <FormHelperText>
          <HelperText>
            <HelperTextItem variant={invalid ? 'error' : 'default'}>{problem ?? field.help}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  );
}

function Input({ field, value, invalid, onChange }: { field: Field; value: Value; invalid: boolean; onChange: (value: Value) => void }) {
  const id = `field-${field.name}`;
  const text = value === null || value === undefined ? '' : String(value);
  const validated = invalid ? 'error' : 'default';
  switch (field.kind) {
    case 'choice':
      return (
        <FormSelect id={id} value={text} validated={validated} onChange={(_, next) => onChange(next)}>
          {(field.options ?? []).map((option) => (
            <FormSelectOption key={option.value} value={option.value} label={option.label} />
          ))}
        </FormSelect>
      );
    case 'search':
      return <SearchPicker id={id} label={field.label} path={field.path ?? ''} value={text} invalid={invalid} onChange={onChange} />;
    case 'switch':
      return <Checkbox id={id} label={field.label} isChecked={value === true} onChange={(_, next) => onChange(next)} />;
    case 'area':
      return <TextArea id={id} value={text} validated={validated} resizeOrientation="vertical" onChange={(_, next) => onChange(next)} />;
    default:
      return (
        <TextInput
          id={id}
          value={text}
          type={field.kind === 'number' ? 'number' : 'text'}
          {...(field.step ? { step: field.step } : {})}
          isRequired={field.required ?? false}
          validated={validated}
          autoComplete="off"
          onChange={(_, next) => onChange(next)}
        />
      );
  }
}

function Conflict({ fields, mine, theirs }: { fields: Field[]; mine: Values; theirs: Values }) {
  const { t } = useI18n();
  const rows = fields.filter((field) => field.name in mine);
  const shown = (field: Field, value: Value) => {
    if (typeof value === 'boolean') return t(value ? 'field.yes' : 'field.no');
    return field.options?.find((option) => option.value === value)?.label ?? String(value ?? '–');
  };
  return (
    <Table aria-label={t('conflict.title')} variant="compact" data-testid="conflict">
      <Thead>
        <Tr>
          <Th>{t('conflict.field')}</Th>
          <Th>{t('conflict.theirs')}</Th>
          <Th>{t('conflict.yours')}</Th>
        </Tr>
      </Thead>
      <Tbody>
        {rows.map((field) => (
          <Tr key={field.name}>
            <Td>{field.label}</Td>
            <Td>{shown(field, theirs[field.name])}</Td>
            <Td>{shown(field, mine[field.name])}</Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

export function FormDialog({ title, fields, start = {}, submit, intro, onSubmit, onClose, editing = false, flat = (it) => it }: FormDialogProps) {
  const { t, saidOf } = useI18n();
  const [values, setValues] = useState<Values>(() => initial(fields, start));
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [theirs, setTheirs] = useState<Values>();
  const [open, setOpen] = useState<string[]>([]);

  const problem = error instanceof ApiError ? error.problem : undefined;
  const send = async (version?: number) => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await onSubmit(toSend(fields, values, start, editing), version, version === undefined ? undefined : theirs);
      onClose();
    } catch (why) {
      setBusy(false);
      if (why instanceof ApiError && why.problem.code === 'stale' && why.problem.present)
        setTheirs(why.problem.present as Values);
      else setError(why);
    }
  };
  const onForm = (event: FormEvent) => {
    event.preventDefault();
    void send();
  };

  if (theirs) {
    const version = theirs['version'];
    return (
      <Dialog
        title={t('conflict.title')}
        onClose={onClose}
        footer={
          <>
            <Button isLoading={busy} onClick={() => void send(typeof version === 'number' ? version : undefined)}>
              {t('conflict.overwrite')}
            </Button>
            <Button variant="link" onClick={onClose}>
              {t('conflict.take')}
            </Button>
          </>
        }
      >
        <p>{t('conflict.text', { name: String(start['name'] ?? start['username'] ?? '') })}</p>
        <Conflict fields={fields} mine={toSend(fields, values, start, editing)} theirs={flat(theirs)} />
        <ProblemAlert error={error} />
      </Dialog>
    );
  }

  const isAt = (field: Field) => problem?.field?.split('.').at(-1) === field.name; // "policy.drives" is drives
  const parts = [...new Set(fields.flatMap((field) => field.part ?? []))];
  const line = (field: Field) => (
    <Line
      key={field.name}
      field={field}
      value={values[field.name]}
      problem={problem?.field && isAt(field) ? saidOf(problem.field, problem.detail) : undefined}
      onChange={(next) => setValues((all) => ({ ...all, [field.name]: next }))}
    />
  );
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <Button type="submit" form="form-dialog" isDisabled={busy} isLoading={busy}>
            {submit}
          </Button>
          <Button variant="link" onClick={onClose}>
            {t('act.cancel')}
          </Button>
        </>
      }
    >
      {intro && <p>{intro}</p>}
      <Form id="form-dialog" onSubmit={onForm}>
        {fields.filter((field) => !field.part).map(line)}
        {parts.map((part) => (
          <ExpandableSection
            key={part}
            toggleText={part}
            isIndented
            isExpanded={open.includes(part) || fields.some((field) => field.part === part && isAt(field))}
            onToggle={(_, on) => setOpen((all) => (on ? [...all, part] : all.filter((it) => it !== part)))}
          >
            <div className="pf-v6-c-form">{fields.filter((field) => field.part === part).map(line)}</div>
          </ExpandableSection>
        ))}
      </Form>
      <ProblemAlert error={error} />
    </Dialog>
  );
}
