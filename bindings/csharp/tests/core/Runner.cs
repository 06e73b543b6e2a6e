using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;

namespace Wardkey.Tests
{
    /// <summary>
    /// Runs every public method of the classes whose name ends in `Tests`: on Mono and on .NET alike, which no runner
    /// of Debian's does. The first argument is the repository; a second one is a part of the names to run.
    /// </summary>
    internal static class Runner
    {
        internal static string Repository { get; private set; }

        private static int Main(string[] arguments)
        {
            Repository = arguments[0];
            string chosen = arguments.Length > 1 ? arguments[1] : "";
            int passed = 0;
            int failed = 0;
            foreach (MethodInfo test in Tests().Where(test => NameOf(test).Contains(chosen)))
            {
                if (Passes(test))
                {
                    passed++;
                }
                else
                {
                    failed++;
                }
            }
            Console.WriteLine("{0}: {1} passed, {2} failed", typeof(Runner).Assembly.GetName().Name, passed, failed);
            return failed == 0 && passed > 0 ? 0 : 1;
        }

        private static IEnumerable<MethodInfo> Tests()
        {
            return typeof(Runner).Assembly.GetTypes()
                .Where(type => type.Name.EndsWith("Tests") && !type.IsNested)
                .OrderBy(type => type.Name)
                .SelectMany(type => type.GetMethods(
                    BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly));
        }

        private static bool Passes(MethodInfo test)
        {
            try
            {
                test.Invoke(null, null);
                Console.WriteLine("ok   {0}", NameOf(test));
                return true;
            }
            catch (TargetInvocationException exception)
            {
                Console.WriteLine("FAIL {0}\n{1}", NameOf(test), exception.InnerException);
                return false;
            }
        }

        private static string NameOf(MethodInfo test)
        {
            return test.DeclaringType.Name + "." + test.Name;
        }
    }

    /// <summary>What a test asks.</summary>
    internal static class Check
    {
        internal static void That(bool condition, string otherwise)
        {
            if (!condition)
            {
                throw new Exception(otherwise);
            }
        }

        internal static void Equal<T>(T expected, T actual, string what = "value")
        {
            That(Equals(expected, actual), string.Format("{0}: expected <{1}>, got <{2}>", what, expected, actual));
        }

        internal static void Contains(string part, string text)
        {
            That(text != null && text.Contains(part), string.Format("<{0}> is not in <{1}>", part, text));
        }

        internal static TException Throws<TException>(Action action)
            where TException : Exception
        {
            try
            {
                action();
            }
            catch (TException exception)
            {
                return exception;
            }
            throw new Exception("nothing was thrown, and not " + typeof(TException).Name);
        }
    }
}
