// The menu of a row. As long as it is closed it is a button and nothing more: fifty whole menus cost more than all
// else of a table.
import { Menu, MenuContent, MenuItem, MenuList } from '@patternfly/react-core';
import type { IAction } from '@patternfly/react-table';
import { useEffect, useLayoutEffect, useRef, useState, type RefObject } from 'react';
import { createPortal } from 'react-dom';
import { useI18n } from '../i18n';

interface OpenMenuProps {
  label: string;
  items: IAction[];
  button: RefObject<HTMLButtonElement>;
  onClose: (focus: boolean) => void;
}

const GAP_PX = 4;

/** Below the button, or above it where below is no room; right edges flush. */
function place(menu: HTMLElement, button: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const { height, width } = menu.getBoundingClientRect();
  const below = at.bottom + GAP_PX + height <= window.innerHeight;
  menu.style.top = `${Math.max(0, below ? at.bottom + GAP_PX : at.top - GAP_PX - height)}px`;
  menu.style.left = `${Math.max(0, at.right - width)}px`;
}

function OpenMenu({ label, items, button, onClose }: OpenMenuProps) {
  const menu = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!menu.current || !button.current) return;
    place(menu.current, button.current);
    menu.current.querySelector<HTMLElement>('button:not([disabled])')?.focus({ preventScroll: true });
  }, [button]);
  useEffect(() => {
    const outside = (event: Event) => {
      const at = event.target as Node;
      if (!menu.current?.contains(at) && !button.current?.contains(at)) onClose(false);
    };
    const key = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' && event.key !== 'Tab') return;
      event.preventDefault();
      onClose(true);
    };
    const moved = () => {
      if (menu.current && button.current) place(menu.current, button.current);
    };
    window.addEventListener('pointerdown', outside);
    window.addEventListener('keydown', key);
    window.addEventListener('resize', moved);
    window.addEventListener('scroll', moved, true);
    return () => {
      window.removeEventListener('pointerdown', outside);
      window.removeEventListener('keydown', key);
      window.removeEventListener('resize', moved);
      window.removeEventListener('scroll', moved, true);
    };
  }, [button, onClose]);
  return createPortal(
    <div ref={menu} className="yd-row-menu">
      <Menu aria-label={label} onSelect={() => onClose(true)}>
        <MenuContent>
          <MenuList>
            {items.map((item, index) => (
              <MenuItem
                key={index}
                isDanger={item.isDanger ?? false}
                isDisabled={item.isDisabled ?? false}
                onClick={(event) => item.onClick?.(event as never, 0, {}, {})}
              >
                {item.title}
              </MenuItem>
            ))}
          </MenuList>
        </MenuContent>
      </Menu>
    </div>,
    // What lies behind a dialog is hidden: a menu in one belongs there.
    button.current?.closest('[role="dialog"]') ?? document.getElementById('main') ?? document.body,
  );
}

export function RowMenu({ name, items }: { name: string; items: () => IAction[] }) {
  const { t } = useI18n();
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const [close] = useState(() => (focus: boolean) => {
    setOpen(false);
    if (focus) button.current?.focus();
  });
  const label = t('table.actions', { name });
  return (
    <>
      <button
        ref={button}
        type="button"
        className={`pf-v6-c-menu-toggle pf-m-plain${open ? ' pf-m-expanded' : ''}`}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <span className="yd-dots" />
      </button>
      {open && <OpenMenu label={label} items={items()} button={button} onClose={close} />}
    </>
  );
}
