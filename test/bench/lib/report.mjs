// From measurements to the table that people read.

/** Compares each target's median run with bare and with its peer, and with the goals. */
export function compare(targets, medians) {
  const bare = medians.bare;
  return Object.entries(medians).map(([name, run]) => {
    const { title, goals = {} } = targets[name];
    const [peerName, peerGoal] = goals.peer ?? [];
    const peer = peerName === undefined ? undefined : medians[peerName];
    const figures = {
      share: bare && run.perSecond / bare.perSecond,
      cpu: bare && nodeCpu(run) && nodeCpu(run) / nodeCpu(bare),
      peer: peer && run.perSecond / peer.perSecond,
      residentMiB: run.processes[0].residentMiB.peak,
    };
    return { name, title, run, figures, goals: { ...goals, peer: peerGoal, peerName } };
  });
}

function nodeCpu({ processes }) {
  return processes.find(({ name }) => name === 'node')?.cpuMicrosPerRequest;
}

/** The table as Markdown. */
export function table(rows) {
  const head = [
    'mode',
    'requests/s',
    'share of bare',
    'p50 µs',
    'p99 µs',
    'CPU µs/request',
    'CPU × bare',
    '× peer',
    'RSS MiB',
  ];
  const lines = rows.map(({ title, run, figures, goals }) => [
    title,
    run.perSecond.toFixed(0),
    against(figures.share, goals.share, 'least', 2),
    String(run.p50Micros),
    String(run.p99Micros),
    run.processes
      .map(({ name, cpuMicrosPerRequest }) => `${name} ${cpuMicrosPerRequest.toFixed(0)}`)
      .join(', '),
    against(figures.cpu, goals.cpu, 'most', 2),
    goals.peerName === undefined ? '' : `${against(figures.peer, goals.peer, 'least', 1)} ${goals.peerName}`,
    against(figures.residentMiB, goals.residentMiB, 'most', 0),
  ]);
  return markdown(head, lines);
}

/** A figure beside its goal: `0.61 ✓ (≥ 0.60)`. */
export function against(figure, goal, bound, digits) {
  if (figure === undefined) return goal === undefined ? '' : 'not measured';
  if (goal === undefined) return figure.toFixed(digits);
  return `${figure.toFixed(digits)} ${passes(figure, goal, bound) ? 'pass' : 'SHORT'} (${bound === 'least' ? '≥' : '≤'} ${goal})`;
}

function passes(figure, goal, bound) {
  return bound === 'least' ? figure >= goal : figure <= goal;
}

/** Names of the goals that were measured and missed. */
export function shortfalls(rows) {
  return rows.flatMap(({ title, figures, goals }) =>
    [
      ['share', 'least'],
      ['cpu', 'most'],
      ['peer', 'least'],
      ['residentMiB', 'most'],
    ]
      .filter(
        ([key, bound]) =>
          goals[key] !== undefined && figures[key] !== undefined && !passes(figures[key], goals[key], bound),
      )
      .map(([key]) => `${title}: ${key} ${figures[key].toFixed(2)}, goal ${goals[key]}`),
  );
}

export function markdown(head, lines) {
  const row = (cells) => `| ${cells.join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...lines.map(row)].join('\n');
}

export function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
