using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace Wardkey.Native
{
    /// <summary>Finds the native library's file for this process's processor, and opens it by its full path.</summary>
    internal static class NativeFile
    {
        /// <summary>The file that was opened.</summary>
        internal static string Opened { get; private set; }

        internal static IntPtr Open()
        {
            var tried = new StringBuilder();
            foreach (string path in Candidates())
            {
                string problem = "no such file";
                if (File.Exists(path))
                {
                    IntPtr module = OnWindows ? Windows.Open(path, out problem) : Unix.Open(path, out problem);
                    if (module != IntPtr.Zero)
                    {
                        Opened = path;
                        return module;
                    }
                }
                tried.Append("\n  ").Append(path).Append(": ").Append(problem);
            }
            throw new DllNotFoundException(
                "The native part of Wardkey for " + Rid + " was not found. Put " + FileName
                + " beside Wardkey.dll, or set WardkeyLibrary.Path. Looked at:" + tried);
        }

        internal static IntPtr Symbol(IntPtr module, string name)
        {
            return OnWindows ? Windows.GetProcAddress(module, name) : Unix.Symbol(module, name);
        }

        /// <summary>Where it may be, the likeliest first; each an absolute path.</summary>
        internal static IEnumerable<string> Candidates()
        {
            if (WardkeyLibrary.Path != null)
            {
                yield return Path.GetFullPath(WardkeyLibrary.Path);
                yield break;
            }
            foreach (string folder in Folders())
            {
                yield return Path.Combine(folder, "runtimes", Rid, "native", FileName);
                yield return Path.Combine(folder, FileName);
                // As NuGet unpacks the package: lib/net45/Wardkey.dll.
                yield return Path.GetFullPath(Path.Combine(folder, "..", "..", "runtimes", Rid, "native", FileName));
            }
            // What .NET read from the program's .deps.json: folders of packages.
            string listed = AppDomain.CurrentDomain.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
            foreach (string folder in listed.Split(Path.PathSeparator))
            {
                if (folder != "")
                {
                    yield return Path.Combine(folder, FileName);
                }
            }
        }

        private static IEnumerable<string> Folders()
        {
            string original = FolderOf(typeof(NativeFile).Assembly);
            if (original != null)
            {
                yield return original;
            }
            string program = AppDomain.CurrentDomain.BaseDirectory;
            if (program != original)
            {
                yield return program;
            }
        }

        /// <summary>
        /// Where the assembly was before ASP.NET copied it to a shadow folder, to which no native file goes along.
        /// </summary>
        private static string FolderOf(Assembly assembly)
        {
            try
            {
                var original = new Uri(assembly.CodeBase);
                // LocalPath ends at a `#`, which may stand in a folder's name.
                string path = original.LocalPath + Uri.UnescapeDataString(original.Fragment);
                return Path.GetDirectoryName(path) + Path.DirectorySeparatorChar;
            }
            // A program in a single file has no assemblies with places of their own.
            catch (NotSupportedException)
            {
                return null;
            }
            catch (UriFormatException)
            {
                return null;
            }
        }

        private static bool OnWindows
        {
            get { return Environment.OSVersion.Platform == PlatformID.Win32NT; }
        }

        private static string FileName
        {
            get { return OnWindows ? "wardkey1.dll" : "libwardkey.so.1"; }
        }

        /// <summary>The platform's name in NuGet packages.</summary>
        internal static string Rid
        {
            get { return (OnWindows ? "win-" : "linux-") + Processor; }
        }

        private static string Processor
        {
            get
            {
                // .NET Framework has it from 4.7.1 on; before, it ran on x64 and x86 alone.
                Type information = typeof(Marshal).Assembly.GetType("System.Runtime.InteropServices.RuntimeInformation")
                    ?? Type.GetType("System.Runtime.InteropServices.RuntimeInformation, System.Runtime.InteropServices.RuntimeInformation");
                PropertyInfo processor = information == null ? null : information.GetProperty("ProcessArchitecture");
                string name = processor == null ? null : processor.GetValue(null, null).ToString();
                return name == "Arm64" ? "arm64" : IntPtr.Size == 8 ? "x64" : "x86";
            }
        }

        private static class Windows
        {
            internal static IntPtr Open(string path, out string problem)
            {
                IntPtr module = LoadLibraryEx(path, IntPtr.Zero, LoadWithAlteredSearchPath);
                problem = module == IntPtr.Zero ? new Win32Exception(Marshal.GetLastWin32Error()).Message : null;
                return module;
            }

            [DllImport("kernel32", EntryPoint = "LoadLibraryExW", CharSet = CharSet.Unicode, ExactSpelling = true,
                SetLastError = true)]
            private static extern IntPtr LoadLibraryEx(string path, IntPtr reserved, uint flags);

            // Names of functions are ASCII: no other text goes this way.
            [DllImport("kernel32", CharSet = CharSet.Ansi, ExactSpelling = true, BestFitMapping = false)]
            internal static extern IntPtr GetProcAddress(IntPtr module, string name);

            private const uint LoadWithAlteredSearchPath = 8;
        }

        private static class Unix
        {
            internal static unsafe IntPtr Open(string path, out string problem)
            {
                using (Scratch scratch = Scratch.Take())
                {
                    // One more NUL: the library has texts with a length, this function has not.
                    Slice text = scratch.Text(path + "\0");
                    IntPtr module = dlopen(text.Start, Now);
                    byte* message = module == IntPtr.Zero ? dlerror() : null;
                    problem = message == null ? null : Utf8.Read(message);
                    return module;
                }
            }

            internal static unsafe IntPtr Symbol(IntPtr module, string name)
            {
                using (Scratch scratch = Scratch.Take())
                {
                    return dlsym(module, scratch.Text(name + "\0").Start);
                }
            }

            [DllImport("libdl.so.2")]
            private static extern unsafe IntPtr dlopen(byte* path, int flags);

            [DllImport("libdl.so.2")]
            private static extern unsafe IntPtr dlsym(IntPtr module, byte* name);

            [DllImport("libdl.so.2")]
            private static extern unsafe byte* dlerror();

            private const int Now = 2;
        }
    }
}
