using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Wardkey.Tests
{
    /// <summary>Holds the raw layer against include/wardkey.h, name by name.</summary>
    internal static class HeaderTests
    {
        private static readonly string Header =
            File.ReadAllText(Path.Combine(Runner.Repository, "include", "wardkey.h"));

        private static readonly string Code = Regex.Replace(Header, @"(//|#)[^\n]*|/\*.*?\*/", "", RegexOptions.Singleline);

        private static readonly Type[] Raw = typeof(Engine).Assembly.GetTypes()
            .Where(type => type.Namespace == "Wardkey.Native").ToArray();

        public static void Every_function_is_declared_as_the_header_has_it()
        {
            MatchCollection functions = Regex.Matches(
                Code, @"WARDKEY_API\s+([\w\s*]+?)\s*WARDKEY_CALL\s+(wardkey_\w+)\s*\((.*?)\);", RegexOptions.Singleline);
            foreach (Match function in functions)
            {
                Compare(function.Groups[2].Value, function.Groups[1].Value, function.Groups[3].Value);
            }
            Check.Equal(
                functions.Count,
                Raw.Count(type => IsDelegate(type) && type.Name.StartsWith("wardkey_")), "functions");
            Check.Equal(
                Regex.Matches(Header, @"^WARDKEY_API", RegexOptions.Multiline).Count, functions.Count, "functions read");
        }

        public static void Every_callback_is_declared_as_the_header_has_it()
        {
            MatchCollection callbacks = Regex.Matches(Code, @"(\w+)\s+\(WARDKEY_CALL\s*\*(\w+)\)\s*\(([^)]*)\)");
            foreach (Match callback in callbacks)
            {
                string name = callback.Groups[2].Value;
                Compare(name.EndsWith("destroy") ? "destroy" : name, callback.Groups[1].Value, callback.Groups[3].Value);
            }
            Check.Equal(Regex.Matches(Code, @"\(WARDKEY_CALL").Count, callbacks.Count, "callbacks read");
        }

        public static void Every_struct_has_the_members_of_the_header_in_its_order()
        {
            MatchCollection structs = Regex.Matches(
                Code, @"typedef struct \{(.*?)\}\s*(wardkey_\w+);", RegexOptions.Singleline);
            foreach (Match found in structs)
            {
                string[] members = Regex.Replace(found.Groups[1].Value, @"\s+", " ").Split(';')
                    .Select(member => member.Trim()).Where(member => member != "").ToArray();
                FieldInfo[] fields = Fields(found.Groups[2].Value);
                Check.Equal(members.Length, fields.Length, found.Groups[2].Value);
                for (int i = 0; i < fields.Length; i++)
                {
                    Parameter member = Parameter.Parse(members[i]);
                    Check.Equal(member.Name, fields[i].Name, found.Groups[2].Value);
                    Check.That(
                        member.Fits(fields[i]), found.Groups[2].Value + "." + member.Name + " is " + members[i]);
                }
            }
            Check.Equal(Raw.Count(type => type.IsValueType && type.Name.StartsWith("wardkey_")), structs.Count, "structs");
        }

        public static void Sizes_and_offsets_are_those_of_64_bits()
        {
            if (IntPtr.Size == 8)
            {
                CompareLayout("layout-64.txt", (type, field) => field == null
                    ? Marshal.SizeOf(type) : (int)Marshal.OffsetOf(type, field));
            }
        }

        public static void Sizes_and_offsets_are_those_of_32_bits()
        {
            CompareLayout("layout-32.txt", (type, field) => Layout.Of(type, 4)[field ?? ""]);
        }

        public static void Every_constant_has_the_value_of_the_header()
        {
            int compared = 0;
            foreach (Match constant in Regex.Matches(
                Header, @"^#define (WARDKEY_\w+) (\d+|"".*"")\r?$", RegexOptions.Multiline))
            {
                string name = constant.Groups[1].Value;
                FieldInfo field = Raw.Single(type => type.Name == "Constants")
                    .GetField(name, BindingFlags.Static | BindingFlags.NonPublic)
                    ?? typeof(Status).GetField(Pascal(name.Substring("WARDKEY_".Length)));
                Check.That(field != null, "C# has no " + name);
                object value = field.GetRawConstantValue();
                Check.Equal(constant.Groups[2].Value.Trim('"'), value.ToString(), name);
                compared++;
            }
            int known = Raw.Single(type => type.Name == "Constants")
                .GetFields(BindingFlags.Static | BindingFlags.NonPublic).Length + Enum.GetNames(typeof(Status)).Length;
            Check.Equal(compared, known, "constants");
        }

        public static void Every_status_says_what_the_header_says()
        {
            string source = Plain(File.ReadAllText(Path.Combine(
                Runner.Repository, "bindings", "csharp", "src", "Wardkey", "Status.cs")));
            foreach (Match constant in Regex.Matches(
                Header, @"((?:^//[^\n]*\n)+)#define (WARDKEY_\w+) (\d+)\r?$", RegexOptions.Multiline))
            {
                string name = Pascal(constant.Groups[2].Value.Substring("WARDKEY_".Length));
                if (Enum.IsDefined(typeof(Status), name))
                {
                    string text = Plain(constant.Groups[1].Value);
                    Check.Contains(
                        "<summary>" + text + "</summary> " + name + " = " + constant.Groups[3].Value + ",", source);
                }
            }
        }

        public static void Enumerations_of_the_options_have_the_values_of_the_header()
        {
            foreach (Match constant in Regex.Matches(
                Header, @"^#define WARDKEY_(MODE|KEY)_(\w+) (\d+)\r?$", RegexOptions.Multiline))
            {
                Type type = constant.Groups[1].Value == "MODE" ? typeof(OpenMode) : typeof(KeySource);
                object value = Enum.Parse(type, Pascal(constant.Groups[2].Value));
                Check.Equal(int.Parse(constant.Groups[3].Value), (int)value, constant.Value);
            }
        }

        private static void Compare(string name, string returned, string parameters)
        {
            Type type = Raw.SingleOrDefault(candidate => candidate.Name == name);
            Check.That(type != null && IsDelegate(type), "C# has no " + name);
            var convention = (UnmanagedFunctionPointerAttribute)type
                .GetCustomAttributes(typeof(UnmanagedFunctionPointerAttribute), false).Single();
            Check.Equal(CallingConvention.Cdecl, convention.CallingConvention, name);

            MethodInfo invoke = type.GetMethod("Invoke");
            Check.That(
                Parameter.Parse(returned + " returned").FitsType(invoke.ReturnType), name + " returns " + returned);
            Parameter[] expected = Parameter.ParseAll(parameters).ToArray();
            ParameterInfo[] actual = invoke.GetParameters();
            Check.Equal(expected.Length, actual.Length, name);
            for (int i = 0; i < expected.Length; i++)
            {
                Check.Equal(expected[i].Name, actual[i].Name, name);
                Check.That(
                    expected[i].FitsType(actual[i].ParameterType), name + ": " + expected[i].Name + " has another type");
            }
        }

        private static void CompareLayout(string golden, Func<Type, string, int> measure)
        {
            string path = Path.Combine(Runner.Repository, "tests", "golden", golden);
            foreach (string line in File.ReadAllLines(path))
            {
                string[] words = line.Split(' ', '.');
                Type type = Raw.Single(candidate => candidate.Name == words[0]);
                Check.Equal(int.Parse(words.Last()), measure(type, words.Length == 3 ? words[1] : null), line);
            }
        }

        private static FieldInfo[] Fields(string name)
        {
            return Layout.Fields(Raw.Single(type => type.Name == name)).ToArray();
        }

        private static bool IsDelegate(Type type)
        {
            return typeof(Delegate).IsAssignableFrom(type);
        }

        private static string Pascal(string name)
        {
            return string.Concat(name.Split('_').Select(word => word.Substring(0, 1) + word.Substring(1).ToLowerInvariant()));
        }

        private static string Plain(string text)
        {
            string bare = Regex.Replace(text, @"^\s*/{2,3}", "", RegexOptions.Multiline);
            return Regex.Replace(bare, @"\s+", " ").Trim()
                .Replace("&lt;", "<").Replace("&gt;", ">").Replace("&amp;", "&");
        }
    }

    /// <summary>A parameter or a member as C has it.</summary>
    internal sealed class Parameter
    {
        internal string Name;
        private string type;
        private int array;

        internal static IEnumerable<Parameter> ParseAll(string text)
        {
            // A comma inside the parentheses of a callback parts its parameters, not these.
            return Regex.Split(text, @",(?![^(]*\))").Where(part => part.Trim() != "void" && part.Trim() != "")
                .Select(Parse);
        }

        internal static Parameter Parse(string text)
        {
            Match callback = Regex.Match(text, @"\(WARDKEY_CALL \*(\w+)\)");
            if (callback.Success)
            {
                return new Parameter { Name = callback.Groups[1].Value, type = "callback" };
            }
            Match plain = Regex.Match(text.Trim(), @"^(?:const\s+)?(\w+)\s*(\**)\s*(\w+)(?:\[(\d+)\])?$");
            Check.That(plain.Success, "not understood: " + text);
            return new Parameter
            {
                Name = plain.Groups[3].Value,
                type = plain.Groups[1].Value + plain.Groups[2].Value,
                array = plain.Groups[4].Success ? int.Parse(plain.Groups[4].Value) : 0,
            };
        }

        internal bool Fits(FieldInfo field)
        {
            if (array == 0)
            {
                return FitsType(field.FieldType);
            }
            FixedBufferAttribute buffer = Layout.Buffer(field);
            return type == "char" && buffer != null && buffer.ElementType == typeof(byte) && buffer.Length == array;
        }

        internal bool FitsType(Type actual)
        {
            return Names[type.StartsWith("wardkey_") && type != "wardkey_engine*" && type != "wardkey_engine**" ? "" : type]
                .Split(' ').Contains(actual.Name) || actual.Name == type;
        }

        private static readonly Dictionary<string, string> Names = new Dictionary<string, string>
        {
            { "", "" },
            { "callback", "IntPtr" },
            { "void", "Void" },
            { "void*", "IntPtr Void*" },
            { "char*", "Byte*" },
            { "uint8_t*", "Byte*" },
            { "size_t", "UIntPtr" },
            { "int32_t", "Int32" },
            { "int32_t*", "Int32*" },
            { "uint32_t", "UInt32" },
            { "int64_t", "Int64" },
            { "uint64_t", "UInt64" },
            { "wardkey_engine*", "IntPtr" },
            { "wardkey_engine**", "IntPtr*" },
        };
    }

    /// <summary>Lays a struct out as C does.</summary>
    internal static class Layout
    {
        /// <summary>Each field's offset, and under the empty name the size.</summary>
        internal static Dictionary<string, int> Of(Type type, int pointer)
        {
            var offsets = new Dictionary<string, int>();
            int end = 0;
            int widest = 1;
            foreach (FieldInfo field in Fields(type))
            {
                FixedBufferAttribute buffer = Buffer(field);
                int size = buffer != null ? buffer.Length : SizeOf(field.FieldType, pointer);
                int alignment = buffer != null ? 1 : size;
                end = Aligned(end, alignment);
                offsets[field.Name] = end;
                end += size;
                widest = Math.Max(widest, alignment);
            }
            offsets[""] = Aligned(end, widest);
            return offsets;
        }

        internal static IEnumerable<FieldInfo> Fields(Type type)
        {
            return type.GetFields(BindingFlags.Public | BindingFlags.Instance | BindingFlags.NonPublic)
                .OrderBy(field => field.MetadataToken);
        }

        internal static FixedBufferAttribute Buffer(FieldInfo field)
        {
            return (FixedBufferAttribute)field.GetCustomAttributes(typeof(FixedBufferAttribute), false).SingleOrDefault();
        }

        private static int SizeOf(Type type, int pointer)
        {
            if (type.IsPointer || type == typeof(IntPtr) || type == typeof(UIntPtr))
            {
                return pointer;
            }
            return Marshal.SizeOf(type);
        }

        private static int Aligned(int offset, int alignment)
        {
            return (offset + alignment - 1) / alignment * alignment;
        }
    }
}
