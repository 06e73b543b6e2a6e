//! Bars for each day of a month, as SVG inside the page.

use super::html::escape;

/// A plot: for each day the parts of its bar, from the bottom up.
pub(super) struct Plot<'a> {
    /// What is counted: the axis' label.
    pub(super) unit: &'a str,
    /// What the plot shows, for those who cannot see it.
    pub(super) title: &'a str,
    /// The names of the parts.
    pub(super) parts: Vec<String>,
    /// For each day, how many of each part.
    pub(super) days: Vec<Vec<u64>>,
    /// For each day, its date.
    pub(super) dates: Vec<String>,
}

impl Plot<'_> {
    pub(super) fn print(&self) -> String {
        let highest = self.days.iter().map(|day| day.iter().sum()).max().unwrap_or(0);
        let step = step_for(highest);
        let top = highest.div_ceil(step).max(1) * step;
        let mut svg = format!(
            "<div class=\"plot\"><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escape(self.title)
        );
        self.print_axes(&mut svg, top, step);
        for (index, (parts, date)) in self.days.iter().zip(&self.dates).enumerate() {
            self.print_bar(&mut svg, index, parts, date, top);
        }
        svg.push_str("</svg></div>\n");
        if self.parts.len() > 1 {
            svg.push_str(&self.legend());
        }
        svg
    }

    fn print_axes(&self, svg: &mut String, top: u64, step: u64) {
        let mut value = 0;
        while value <= top {
            let y = FLOOR - scaled(value, top);
            svg.push_str(&format!(
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\"/>\
                 <text class=\"tick\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{value}</text>\n",
                LEFT - 6,
                y + 4
            ));
            value += step;
        }
        let middle = (FLOOR + CEILING) / 2;
        svg.push_str(&format!(
            "<text class=\"axis\" transform=\"translate(12 {middle}) rotate(-90)\" \
             text-anchor=\"middle\">{}</text>\n<text class=\"axis\" x=\"{}\" y=\"{}\" \
             text-anchor=\"middle\">day of the month (UTC)</text>\n",
            escape(self.unit),
            (LEFT + WIDTH) / 2,
            HEIGHT - 4
        ));
    }

    fn print_bar(&self, svg: &mut String, index: usize, parts: &[u64], date: &str, top: u64) {
        let width = self.day_width();
        let x = LEFT + 2 + width * u64::try_from(index).unwrap_or_default();
        let mut below = 0;
        for (part, count) in parts.iter().enumerate().filter(|(_, count)| **count > 0) {
            // The least count can still be seen.
            let from = scaled(below, top);
            let height = (scaled(below + count, top) - from).max(1);
            let name = self.parts.get(part).map_or("", String::as_str);
            svg.push_str(&format!(
                "<rect class=\"part{part}\" x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{height}\">\
                 <title>{date}: {count} {}</title></rect>\n",
                FLOOR - from - height,
                width - 4,
                escape(name)
            ));
            below += count;
        }
        svg.push_str(&format!(
            "<text class=\"tick\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
            x + (width - 4) / 2,
            FLOOR + 14,
            index + 1
        ));
    }

    fn day_width(&self) -> u64 {
        (WIDTH - LEFT - 4) / u64::try_from(self.days.len()).unwrap_or(1).max(1)
    }

    fn legend(&self) -> String {
        let names = self.parts.iter().enumerate().map(|(part, name)| {
            format!("<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"part{part}\" width=\"10\" height=\"10\"/></svg>{}</li>", escape(name))
        });
        format!("<ul class=\"legend\">{}</ul>\n", names.collect::<String>())
    }
}

/// The height of `value` where `top` is the whole.
fn scaled(value: u64, top: u64) -> u64 {
    let height = u128::from(value) * u128::from(FLOOR - CEILING) / u128::from(top.max(1));
    u64::try_from(height).unwrap_or(FLOOR - CEILING)
}

/// 1, 2 or 5 times a power of ten, so that no more than five lines are needed.
fn step_for(highest: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if highest.div_ceil(step) <= 5 {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

const WIDTH: u64 = 760;
const HEIGHT: u64 = 240;
/// Where the axis of counts stands.
const LEFT: u64 = 64;
/// Where bars stand, and how high they reach.
const FLOOR: u64 = 196;
const CEILING: u64 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_few_round_steps() {
        let steps = [0, 1, 5, 6, 23, 999, 1_000_000].map(step_for);
        assert_eq!(steps, [1, 1, 1, 2, 5, 200, 200_000]);
        assert!(step_for(u64::MAX) > 0);
    }
}
