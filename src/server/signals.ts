// What signals do: HUP reloads, USR1 reopens log files, TERM and INT drain, a second one ends at once.
import type { ControlPlane } from './control-plane.ts';

export function handleSignals(control: ControlPlane): void {
  let asked = false;
  const stop = (): void => {
    if (asked) control.drain(0);
    else control.drain();
    asked = true;
  };
  process.on('SIGHUP', () => void control.reload());
  process.on('SIGUSR1', () => control.reopenLogs());
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
