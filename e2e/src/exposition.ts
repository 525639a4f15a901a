/** Prometheus' text format, read back. */

export type Metric = {
  name: string;
  type: string;
  /** Label names of all its series. */
  labels: Set<string>;
  /** None: it has labels, and nothing that it counts has happened yet. */
  series: number;
};

/** The metrics of a scrape by name, those without series too. */
export function readMetrics(text: string): Map<string, Metric> {
  const metrics = new Map<string, Metric>();
  for (const line of text.split("\n")) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined && type !== undefined)
      metrics.set(name, { name, type, labels: new Set(), series: 0 });
    const [, series = "", labels = ""] = /^([a-z_0-9]+)(?:\{(.*)\})? /.exec(line) ?? [];
    const metric = metrics.get(metricOf(series, metrics));
    if (metric) metric.series += 1;
    for (const [, label] of labels.matchAll(/([a-z_0-9]+)="(?:[^"\\]|\\.)*"/g))
      metric?.labels.add(label!);
  }
  return metrics;
}

/** The metric that a series belongs to: histograms have three kinds of series. */
export function metricOf(series: string, metrics: Map<string, Metric>): string {
  const base = series.replace(/_(bucket|sum|count)$/, "");
  return metrics.get(base)?.type === "histogram" ? base : series;
}

/** The sum of the series of `name` that have all these labels (`status="queued"`). */
export function sumOf(text: string, name: string, ...labels: string[]): number {
  const lines = text.split("\n").filter((line) => {
    const series = line.slice(0, line.lastIndexOf(" "));
    return series.split("{")[0] === name && labels.every((label) => series.includes(label));
  });
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
