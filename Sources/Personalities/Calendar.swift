// Points in time as people write them, in UTC: `2024-02-29T12:00:00.000000001+0000`.

/// The proleptic Gregorian calendar. What it computes is what `gmtime` computes; no time zone is known here.
public enum Calendar {
    /// Nil where a year has no four digits.
    public static func text(seconds: Int64, fraction: UInt64, digits: Int) -> String? {
        guard seconds > -60_000_000_000, seconds < 253_402_300_800 else { return nil }
        // A part of a second that is none makes no date.
        if digits > 0, String(fraction).utf8.count > digits { return nil }
        let days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
        let rest = seconds - days * 86400
        let (year, month, day) = date(days)
        guard year >= 1000 else { return nil }
        var text = "\(year)-\(two(month))-\(two(day))T"
        text += "\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))"
        if fraction != 0 && digits > 0 {
            let number = String(fraction)
            text += "." + String(repeating: "0", count: max(0, digits - number.count)) + number
        }
        return text + "+0000"
    }

    private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// Days since 1970-01-01 as year, month and day: eras of 400 years, years that begin in March.
    private static func date(_ days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        let month = march < 10 ? march + 3 : march - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * march + 2) / 5 + 1)
    }
}
