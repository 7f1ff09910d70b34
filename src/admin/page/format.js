// Numbers and times as the status page writes them.

export function perSecond(value) {
  return value > 0 && value < 10 ? value.toFixed(1) : count(Math.round(value));
}

export function bytesPerSecond(value) {
  const units = ['B/s', 'KiB/s', 'MiB/s', 'GiB/s'];
  let unit = 0;
  let size = value;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size > 0 && size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

export function count(value) {
  return value.toLocaleString('en');
}

export function milliseconds(value) {
  if (value === null) return 'none yet';
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

export function clock(time) {
  return new Date(time).toLocaleTimeString();
}

export function plural(value, noun) {
  return `${value} ${noun}${value === 1 ? '' : 's'}`;
}

export function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}
