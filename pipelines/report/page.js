(function () {
  "use strict";
  var language = document.documentElement.lang || "en";
  var dollars = new Intl.NumberFormat(language, {style: "currency", currency: "USD"});
  var whole = new Intl.NumberFormat(language);
  var share = new Intl.NumberFormat(language, {style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1});
  // What bars can show: the cell of a row, how it is written.
  var measures = [
    ["MRR", 0, dollars], ["Customers", 1, whole], ["Lost", 3, whole], ["Gross", 4, dollars],
    ["Refunded", 5, dollars], ["Net", 6, dollars]
  ];
  var heads = ["Month", "MRR", "Customers", "Lost", "Churn", "Gross", "Refunded", "Net"];

  function made(name, text, look) {
    var element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (look) element.className = look;
    return element;
  }

  function row(name, cells, head) {
    var line = made("tr");
    line.appendChild(made("th", name));
    cells.forEach(function (cell) { line.appendChild(made(head ? "th" : "td", cell)); });
    return line;
  }

  document.querySelectorAll("[data-closer]").forEach(function (section) {
    var data = JSON.parse(section.querySelector("script").textContent);
    var pick = section.querySelector("[name=segment]");
    var first = section.querySelector("[name=first]");
    var last = section.querySelector("[name=last]");
    var table = section.querySelector("table");
    var bars = section.querySelector(".bars");
    var measure = section.querySelector("[name=measure]");
    var highest = section.querySelector("[data-most]");
    var link = document.querySelector('nav a[href="#' + section.id + '"]');
    var groups = {};
    data.series.forEach(function (one, place) {
      var into = pick;
      if (one.group) {
        if (!groups[one.group]) {
          groups[one.group] = made("optgroup");
          groups[one.group].label = one.group;
          pick.appendChild(groups[one.group]);
        }
        into = groups[one.group];
      }
      var option = made("option", one.name);
      option.value = place;
      into.appendChild(option);
    });
    data.months.forEach(function (month, place) {
      [first, last].forEach(function (select) {
        var option = made("option", month);
        option.value = place;
        select.appendChild(option);
      });
    });
    measures.forEach(function (one, place) {
      var option = made("option", one[0]);
      option.value = place;
      measure.appendChild(option);
    });
    first.value = Math.max(0, data.months.length - 12);
    last.value = data.months.length - 1;

    function show() {
      var from = Math.min(+first.value, +last.value), to = Math.max(+first.value, +last.value);
      var series = data.series[+pick.value];
      var sums = [0, 0, 0, 0, 0], shown = [];
      var drawn = measures[+measure.value], most = ["", 0];
      for (var place = to; place >= from; place--) {
        var cells = series.rows[place];
        if (!cells) continue;
        shown.unshift([data.months[place], cells, place === data.under_way]);
        if (cells[drawn[1]] > most[1]) most = [data.months[place], cells[drawn[1]]];
        [2, 3, 4, 5, 6].forEach(function (column, sum) { sums[sum] += cells[column]; });
      }
      table.replaceChildren();
      var top = made("thead");
      top.appendChild(row(heads[0], heads.slice(1), true));
      table.appendChild(top);
      var body = made("tbody");
      shown.slice().reverse().forEach(function (one) {
        var cells = one[1];
        body.appendChild(row(one[0] + (one[2] ? " so far" : ""), [
          dollars.format(cells[0]), whole.format(cells[1]), whole.format(cells[3]),
          cells[2] ? share.format(cells[3] / cells[2]) : "\u2013",
          dollars.format(cells[4]), dollars.format(cells[5]), dollars.format(cells[6])
        ]));
      });
      var all = row("Together", [
        "", "", whole.format(sums[1]), sums[0] ? share.format(sums[1] / sums[0]) : "\u2013",
        dollars.format(sums[2]), dollars.format(sums[3]), dollars.format(sums[4])
      ]);
      all.className = "total";
      body.appendChild(all);
      table.appendChild(body);
      bars.replaceChildren();
      shown.forEach(function (one) {
        var bar = made("i", undefined, one[2] ? "pale" : "");
        var value = one[1][drawn[1]];
        bar.style.height = (most[1] ? Math.max(0, 100 * value / most[1]) : 0) + "%";
        bar.title = one[0] + ": " + drawn[2].format(value);
        bars.appendChild(bar);
      });
      bars.setAttribute("aria-label", drawn[0] + " of each month");
      highest.textContent = most[1]
        ? drawn[0] + " of each month; the highest is " + drawn[2].format(most[1]) + ", " + most[0] + "."
        : "";
    }
    [pick, first, last, measure].forEach(function (select) { select.addEventListener("change", show); });
    section.hidden = false;
    if (link) link.hidden = false;
    show();
  });
})();
