const t0 = performance.now();
const core = await import("echarts/core");
const c = await import("echarts/charts");
const comp = await import("echarts/components");
const r = await import("echarts/renderers");
console.log("load", performance.now() - t0);
core.use([c.LineChart, c.CustomChart, comp.GridComponent, r.SVGRenderer]);
const chart = core.init(null, null, { renderer: "svg", ssr: true, width: 640, height: 320 });
chart.setOption({
  animation: false,
  silent: true,
  textStyle: { fontFamily: "inherit" },
  grid: { left: 60, right: 10, top: 20, bottom: 50 },
  xAxis: { type: "value", name: "step", nameLocation: "middle", nameGap: 30 },
  yAxis: { type: "value", name: "loss", axisLine: { lineStyle: { color: "#0a0001" } } },
  series: [
    {
      type: "line",
      silent: true,
      showSymbol: true,
      name: "a<b>&",
      data: [
        [0, 1],
        [1, 0.5],
        [2, 0.25],
      ],
      lineStyle: { color: "#0a0002" },
      emphasis: { disabled: true },
    },
    {
      type: "custom",
      silent: true,
      data: [[1, 0.4, 0.6]],
      renderItem(p, api) {
        const a = api.coord([api.value(0), api.value(1)]),
          b = api.coord([api.value(0), api.value(2)]);
        return {
          type: "line",
          shape: { x1: a[0], y1: a[1], x2: b[0], y2: b[1] },
          style: { stroke: "#0a0003" },
        };
      },
    },
  ],
});
console.log(chart.renderToSVGString());
console.log("load", performance.now() - t0);
