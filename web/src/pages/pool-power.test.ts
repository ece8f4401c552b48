import { describe, expect, it } from 'vitest';
import { flatPower, withPower } from './pool-power';

describe('the form of a power policy', () => {
  const power = { pause_seconds: 90, keep_seconds: 600, hours: { mon: '08:00-18:00' }, holidays: ['2026-10-01', '2026-10-02'] };

  it('shows minutes, days and dates, and what holds where nothing is set', () => {
    const flat = flatPower({ power } as never);
    expect(flat['power_pause_seconds']).toBe(1.5);
    expect(flat['power_keep_seconds']).toBe(10);
    expect(flat['power_close_seconds']).toBe(15);
    expect(flat['power_start_on_connect']).toBe(true);
    expect(flat['power_mon']).toBe('08:00-18:00');
    expect(flat['power_tue']).toBe('');
    expect(flat['power_holidays']).toBe('2026-10-01\n2026-10-02');
  });

  it('sends the policy as a whole, with what was there before', () => {
    expect(withPower({ name: 'x', power_pause_seconds: 0.5, power_mon: null, power_sat: ' 09:00-12:00 ', power_holidays: '2026-10-03，2026-10-04\n' }, power)).toEqual({
      name: 'x',
      power: {
        pause_seconds: 30,
        keep_seconds: 600,
        hours: { mon: null, sat: '09:00-12:00' },
        holidays: ['2026-10-03', '2026-10-04'],
      },
    });
  });

  it('sends none when nothing of it was touched', () => {
    expect(withPower({ name: 'x' }, power)).toEqual({ name: 'x' });
  });

  it('has the default where a number was emptied', () => {
    expect(withPower({ power_keep_seconds: null, power_open_desktops: null }, {})).toEqual({ power: { keep_seconds: 1800, open_desktops: 0, hours: {} } });
  });

  it('sends no spares of a dedicated pool', () => {
    expect(withPower({ kind: 'dedicated', min_ready: 0, warm: 0 }, undefined)).toEqual({ kind: 'dedicated' });
  });
});
